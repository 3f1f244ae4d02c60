//! The Docker daemon of the tests: `DOCKER_HOST` names it, or it is at the usual place.

use bollard::query_parameters::RemoveImageOptions;
use dynamic_mcp::adapters::outbound::docker::{Connection, Surroundings};
use dynamic_mcp::domain::image::ContainerImage;

/// A connection to it.
pub(crate) fn connection() -> Connection {
    let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
    Connection::new(Surroundings { host, ..Surroundings::new(None) })
}

/// Removes an image, if it is there.
pub(crate) async fn remove_image(image: &ContainerImage) {
    let client = connection().client().await.unwrap();
    client.remove_image(image.as_str(), None::<RemoveImageOptions>, None).await.ok();
}

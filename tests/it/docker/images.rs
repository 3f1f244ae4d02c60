//! A missing image is pulled in the background, and said to be missing meanwhile.

use std::sync::Arc;
use std::time::Duration;

use dynamic_mcp::adapters::outbound::docker::labels::Instance;
use dynamic_mcp::adapters::outbound::docker::{
    Containers, DependencyOptions, ImageState, ImageUnavailable, Images,
};
use dynamic_mcp::adapters::outbound::engine::docker::{DockerConfig, DockerEngine, DockerParts};
use dynamic_mcp::domain::image::{AllowedImages, ContainerImage};
use dynamic_mcp::ports::Engine as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::docker;
use crate::support::registry::Registry;

struct Place {
    images: Images,
    stopped: CancellationToken,
    tasks: TaskTracker,
}

impl Place {
    fn allowing(images: &[&ContainerImage]) -> Self {
        let allowed = AllowedImages::new(images.iter().map(|image| (*image).clone()).collect());
        let (tasks, stopped) = (TaskTracker::new(), CancellationToken::new());
        let images = Images::new(Arc::new(docker::connection()), allowed, &tasks, &stopped);
        Self { images, stopped, tasks }
    }

    async fn end(self) {
        self.stopped.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn image(reference: &str) -> ContainerImage {
    ContainerImage::parse(reference).unwrap()
}

/// Asks until it is no longer being pulled.
async fn settled(images: &Images, image: &ContainerImage) -> Result<String, ImageUnavailable> {
    loop {
        match images.id(image).await {
            Err(ImageUnavailable::Pulling { .. }) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            settled => return settled,
        }
    }
}

#[tokio::test]
async fn an_image_that_is_there_has_an_identifier() {
    let node = image("node:lts-slim");
    let place = Place::allowing(&[&node]);
    let id = place.images.id(&node).await.unwrap();
    assert!(id.starts_with("sha256:"), "{id}");
    assert!(matches!(&place.images.report()[..], [(_, ImageState::Present { .. })]));
    place.end().await;
}

#[tokio::test]
async fn an_image_that_is_not_allowed_is_neither_used_nor_pulled() {
    let node = image("node:lts-slim");
    let place = Place::allowing(&[&image("other:1")]);
    let refused = place.images.id(&node).await.unwrap_err();
    assert!(matches!(refused, ImageUnavailable::NotAllowed(_)), "{refused}");
    assert!(place.images.report().is_empty());
    place.end().await;
}

#[tokio::test]
async fn a_missing_image_is_pulled_in_the_background() {
    let registry = Registry::start().await;
    let tiny = image(&registry.image("tiny"));
    let place = Place::allowing(&[&tiny]);
    let missing = place.images.id(&tiny).await.unwrap_err();
    assert!(matches!(missing, ImageUnavailable::Pulling { .. }), "{missing}");
    assert!(missing.to_string().contains("being pulled"), "{missing}");
    // The registry holds the layer back: every asker is told so, and there is one pull.
    registry.asked_for_layer().await;
    let meanwhile = place.images.id(&tiny).await.unwrap_err();
    assert!(matches!(meanwhile, ImageUnavailable::Pulling { .. }), "{meanwhile}");
    assert!(matches!(&place.images.report()[..], [(_, ImageState::Pulling(_))]));
    registry.give_layer();
    let id = settled(&place.images, &tiny).await.unwrap();
    assert!(id.starts_with("sha256:"), "{id}");
    assert_eq!(registry.layers_given(), 1);
    place.end().await;
    docker::remove_image(&tiny).await;
}

#[tokio::test]
async fn an_image_that_no_registry_has_is_said_to_be_missing_with_what_to_do() {
    let registry = Registry::start().await;
    let absent = image(&registry.image("absent"));
    let place = Place::allowing(&[&absent]);
    let failed = settled(&place.images, &absent).await.unwrap_err().to_string();
    assert!(failed.contains(&format!("docker pull {absent}")), "{failed}");
    assert!(failed.contains("manifest"), "{failed}");
    // It is not asked for again at once.
    let asked = registry.manifests_asked();
    assert!(matches!(place.images.id(&absent).await, Err(ImageUnavailable::Failed { .. })));
    assert_eq!(registry.manifests_asked(), asked);
    place.end().await;
}

#[tokio::test]
async fn a_pull_ends_with_the_server() {
    let registry = Registry::start().await;
    let tiny = image(&registry.image("tiny"));
    let place = Place::allowing(&[&tiny]);
    place.images.id(&tiny).await.unwrap_err();
    registry.asked_for_layer().await;
    place.end().await;
}

#[tokio::test]
async fn no_more_is_remembered_of_images_than_there_is_room_for() {
    let registry = Registry::start().await;
    // An empty list allows all.
    let place = Place::allowing(&[]);
    let most = 64;
    for number in 0..=most {
        let absent = image(&registry.image(&format!("absent{number}")));
        assert!(settled(&place.images, &absent).await.is_err());
    }
    let known = place.images.report();
    assert_eq!(known.len(), most);
    let first = image(&registry.image("absent0"));
    assert!(known.iter().all(|(image, _)| *image != first), "the oldest is forgotten");
    place.end().await;
}

#[tokio::test]
async fn an_engine_says_which_image_is_being_pulled() {
    let registry = Registry::start().await;
    let (node, tiny) = (image("node:lts-slim"), image(&registry.image("tiny")));
    let place = Place::allowing(&[&node, &tiny]);
    let instance = Instance::new("a-test-of-images");
    let daemon = docker::connection();
    let options = DependencyOptions { registry: None, extra_ca: None, cache_bytes: 1 << 20 };
    let dependencies =
        docker::dependencies(daemon, &instance, options, &place.tasks, &place.stopped);
    let containers = Containers::new(Arc::new(docker::connection()), &place.tasks);
    let parts = DockerParts { containers, images: place.images.clone(), dependencies };
    let config = DockerConfig { prepared: false, ..DockerConfig::new(instance, node) };
    let engine = DockerEngine::start(config, parts, &place.tasks, &place.stopped);
    engine.settled().await;
    place.images.id(&tiny).await.unwrap_err();
    let detail = engine.report().detail;
    assert!(detail.contains(&format!("pulling {tiny} (beginning)")), "{detail}");
    engine.shutdown().await;
    place.end().await;
}

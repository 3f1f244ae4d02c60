//! Images: whether the daemon has one, and the pull of one that is missing, in the background. Whoever needs a missing
//! image is told so at once, and how far the pull is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::Connection;
use super::error::{DockerError, shown};
use super::pull_progress::PullProgress;
use crate::domain::image::{AllowedImages, ContainerImage, ImageError};

/// Of so many images it is known how they are; more are not pulled at once.
const KNOWN: usize = 64;
/// How long an image that was there is believed to be there still, and a tag to mean the same image.
const BELIEVED: Duration = Duration::from_secs(10);
/// After a failed pull, the next one is not begun earlier.
const PAUSE: Duration = Duration::from_secs(30);
/// A pull that says nothing for so long has failed.
const SILENCE: Duration = Duration::from_mins(2);
/// A pull's progress is logged this often.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// The images of one daemon. Cheap to clone.
#[derive(Clone)]
pub struct Images {
    shared: Arc<Shared>,
}

struct Shared {
    connection: Arc<Connection>,
    allowed: AllowedImages,
    tasks: TaskTracker,
    stopped: CancellationToken,
    states: Mutex<HashMap<ContainerImage, ImageState>>,
}

/// How one image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageState {
    /// It was there.
    Present {
        /// Its identifier, `sha256:…`.
        id: String,
        /// When it was seen.
        seen: Instant,
    },
    /// It is being pulled.
    Pulling(
        /// How far, in words.
        String,
    ),
    /// It could not be pulled.
    Failed {
        /// Why, as a client may see it.
        reason: String,
        /// When.
        at: Instant,
    },
}

/// Why an image can't be used now. The sentences hold no path.
#[derive(Debug, thiserror::Error)]
pub enum ImageUnavailable {
    /// The operator doesn't allow it, although a stored tool names it.
    #[error(transparent)]
    NotAllowed(#[from] ImageError),
    /// It is missing and being pulled.
    #[error("the image '{image}' is being pulled ({progress}); try again in a while")]
    Pulling {
        /// Which.
        image: ContainerImage,
        /// How far.
        progress: String,
    },
    /// It is missing and can't be pulled.
    #[error(
        "the Docker daemon does not have the image '{image}' and could not pull it ({reason}); \
         `docker pull {image}` or `docker load` brings it there"
    )]
    Failed {
        /// Which.
        image: ContainerImage,
        /// Why.
        reason: String,
    },
    /// The daemon can't be asked.
    #[error(transparent)]
    Docker(#[from] DockerError),
}

impl Images {
    /// `allowed`: the operator's list; others are neither used nor pulled. Pulls run on `tasks` and end with `stopped`.
    pub fn new(
        connection: Arc<Connection>,
        allowed: AllowedImages,
        tasks: &TaskTracker,
        stopped: &CancellationToken,
    ) -> Self {
        let (tasks, stopped) = (tasks.clone(), stopped.clone());
        let shared = Shared { connection, allowed, tasks, stopped, states: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// The identifier of an image that is there, `sha256:…`. Where it is missing a pull is begun, and not waited for.
    pub async fn id(&self, image: &ContainerImage) -> Result<String, ImageUnavailable> {
        self.shared.allowed.admit(image.as_str())?;
        match self.state(image) {
            Some(ImageState::Present { id, seen }) if seen.elapsed() < BELIEVED => return Ok(id),
            Some(ImageState::Pulling(progress)) => {
                return Err(ImageUnavailable::Pulling { image: image.clone(), progress });
            }
            _ => {}
        }
        let client = self.shared.connection.client().await?;
        let inspected = client.inspect_image(image.as_str()).await;
        match inspected.map_err(|error| self.shared.connection.explain(error)) {
            Ok(inspected) => {
                let id = inspected.id.unwrap_or_default();
                self.set(image, ImageState::Present { id: id.clone(), seen: Instant::now() });
                Ok(id)
            }
            Err(error) if error.is_not_found() => Err(self.missing(image)),
            Err(error) => Err(error.into()),
        }
    }

    /// Every image that was asked for, and how it was when it was last looked at. Sorted.
    pub fn report(&self) -> Vec<(ContainerImage, ImageState)> {
        let mut all: Vec<_> = self.states().clone().into_iter().collect();
        all.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
        all
    }

    /// Begins a pull unless one runs or has just failed, and says how it is.
    fn missing(&self, image: &ContainerImage) -> ImageUnavailable {
        let mut states = self.states();
        match states.get(image) {
            Some(ImageState::Pulling(progress)) => {
                return ImageUnavailable::Pulling {
                    image: image.clone(),
                    progress: progress.clone(),
                };
            }
            Some(ImageState::Failed { reason, at }) if at.elapsed() < PAUSE => {
                return ImageUnavailable::Failed { image: image.clone(), reason: reason.clone() };
            }
            _ => {}
        }
        if !make_room(&mut states) {
            let progress = "after others".to_owned();
            return ImageUnavailable::Pulling { image: image.clone(), progress };
        }
        let progress = "beginning".to_owned();
        states.insert(image.clone(), ImageState::Pulling(progress.clone()));
        drop(states);
        let (images, pulled) = (self.clone(), image.clone());
        self.shared.tasks.spawn(async move {
            let stopped = images.shared.stopped.clone();
            tokio::select! {
                () = images.pull(&pulled) => {}
                () = stopped.cancelled() => {}
            }
        });
        ImageUnavailable::Pulling { image: image.clone(), progress }
    }

    async fn pull(&self, image: &ContainerImage) {
        tracing::info!(%image, "pulling an image that the Docker daemon does not have");
        let state = match self.pull_to_end(image).await {
            Ok(id) => {
                tracing::info!(%image, "the image is there");
                ImageState::Present { id, seen: Instant::now() }
            }
            Err(reason) => {
                tracing::warn!(%image, reason, "an image could not be pulled");
                ImageState::Failed { reason, at: Instant::now() }
            }
        };
        self.set(image, state);
    }

    async fn pull_to_end(&self, image: &ContainerImage) -> Result<String, String> {
        let connection = &self.shared.connection;
        let client = connection.client().await.map_err(|error| error.to_string())?;
        let explain = |error| match connection.explain(error) {
            DockerError::Refused { message, .. } => shown(&message).to_owned(),
            other => other.to_string(),
        };
        let options = CreateImageOptionsBuilder::default().from_image(&tagged(image)).build();
        let mut messages = client.create_image(Some(options), None, None);
        let mut progress = PullProgress::default();
        let mut logged = Instant::now();
        loop {
            let message = tokio::time::timeout(SILENCE, messages.next()).await;
            match message.map_err(|_| "the registry does not answer".to_owned())? {
                Some(message) => progress.take(message.map_err(explain)?),
                None => break,
            }
            let words = progress.to_string();
            if logged.elapsed() >= LOG_EVERY {
                logged = Instant::now();
                tracing::info!(%image, progress = words, "still pulling");
            }
            self.set(image, ImageState::Pulling(words));
        }
        let inspected = client.inspect_image(image.as_str()).await.map_err(explain)?;
        Ok(inspected.id.unwrap_or_default())
    }

    fn state(&self, image: &ContainerImage) -> Option<ImageState> {
        self.states().get(image).cloned()
    }

    fn set(&self, image: &ContainerImage, state: ImageState) {
        let mut states = self.states();
        if states.contains_key(image) || make_room(&mut states) {
            states.insert(image.clone(), state);
        }
    }

    fn states(&self) -> std::sync::MutexGuard<'_, HashMap<ContainerImage, ImageState>> {
        self.shared.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for one more image, and says whether there is: what was looked at longest ago is forgotten, but no pull.
fn make_room(states: &mut HashMap<ContainerImage, ImageState>) -> bool {
    if states.len() < KNOWN {
        return true;
    }
    let looked_at = |state: &ImageState| match state {
        ImageState::Present { seen: at, .. } | ImageState::Failed { at, .. } => Some(*at),
        ImageState::Pulling(_) => None,
    };
    let known = states.iter().filter_map(|(image, state)| Some((looked_at(state)?, image)));
    let oldest = known.min_by_key(|(at, _)| *at).map(|(_, image)| image.clone());
    oldest.is_some_and(|image| states.remove(&image).is_some())
}

/// With the tag that is meant where none is written: without one, the daemon would pull them all.
fn tagged(image: &ContainerImage) -> String {
    let reference = image.as_str();
    let last = reference.rsplit('/').next().unwrap_or(reference);
    if last.contains([':', '@']) { reference.to_owned() } else { format!("{reference}:latest") }
}

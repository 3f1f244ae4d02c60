//! How far the pull of an image is, from what the daemon says of its layers.

use std::collections::HashMap;

use bollard::models::CreateImageInfo;

/// What is known of each layer.
#[derive(Debug, Default)]
pub(super) struct PullProgress {
    layers: HashMap<String, Layer>,
}

/// Bytes of one layer.
#[derive(Debug, Default)]
struct Layer {
    done: u64,
    total: u64,
}

impl PullProgress {
    /// Takes in one message.
    pub(super) fn take(&mut self, message: CreateImageInfo) {
        let (Some(id), Some(status)) = (message.id, message.status) else { return };
        // Unpacking counts the same bytes again.
        match (status.as_str(), message.progress_detail) {
            ("Downloading", Some(detail)) => {
                let layer = self.layers.entry(id).or_default();
                let count = |bytes: Option<i64>| bytes.and_then(|bytes| u64::try_from(bytes).ok());
                layer.done = count(detail.current).unwrap_or(layer.done);
                layer.total = count(detail.total).unwrap_or(layer.total);
            }
            ("Download complete" | "Pull complete", _) => {
                if let Some(layer) = self.layers.get_mut(&id) {
                    layer.done = layer.total;
                }
            }
            _ => {}
        }
    }
}

impl std::fmt::Display for PullProgress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sum = |bytes: fn(&Layer) -> u64| self.layers.values().map(bytes).sum::<u64>();
        let (done, total) = (sum(|layer| layer.done), sum(|layer| layer.total));
        if total == 0 {
            return f.write_str("beginning");
        }
        let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
        write!(f, "{} of {} MB", megabytes(done), megabytes(total))
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::ProgressDetail;

    use super::*;

    fn message(id: &str, status: &str, bytes: Option<(i64, i64)>) -> CreateImageInfo {
        CreateImageInfo {
            id: Some(id.to_owned()),
            status: Some(status.to_owned()),
            progress_detail: bytes.map(|(current, total)| ProgressDetail {
                current: Some(current),
                total: Some(total),
            }),
            ..CreateImageInfo::default()
        }
    }

    #[test]
    fn layers_are_added_up_and_counted_once() {
        let mut progress = PullProgress::default();
        assert_eq!(progress.to_string(), "beginning");
        progress.take(message("a", "Downloading", Some((1_000_000, 30_000_000))));
        progress.take(message("b", "Downloading", Some((2_000_000, 10_000_000))));
        assert_eq!(progress.to_string(), "3 of 40 MB");
        progress.take(message("a", "Download complete", None));
        progress.take(message("a", "Extracting", Some((1, 30_000_000))));
        assert_eq!(progress.to_string(), "32 of 40 MB");
        progress.take(message("c", "Already exists", None));
        assert_eq!(progress.to_string(), "32 of 40 MB");
    }
}

//! Settings that belong together.

use super::setting::Setting;
use super::{audit, auth, docker, guard, http, sandbox, server, store, telemetry, upstream};

/// Settings that belong together, in the order in which they are shown.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// One or two sentences.
    pub about: &'static str,
    /// The settings.
    pub settings: &'static [&'static Setting],
}

/// Every section, in the order in which they are shown.
pub static SECTIONS: [&Section; 10] = [
    &server::SECTION,
    &http::SECTION,
    &store::SECTION,
    &sandbox::SECTION,
    &docker::SECTION,
    &guard::SECTION,
    &auth::SECTION,
    &audit::SECTION,
    &upstream::SECTION,
    &telemetry::SECTION,
];

/// Every setting.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    SECTIONS.iter().flat_map(|section| section.settings.iter().copied())
}

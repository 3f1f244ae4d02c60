//! The built-in tools, one file each. This is their table of contents.

mod dynamic_tool;
mod run_js_ephemeral;
mod sandbox;
pub(super) mod system;
mod upstream;

use super::tool::Route;
use crate::domain::Profile;
use crate::domain::builtin::BUILTINS;

/// The tools that a profile offers, in the order of every list; those about upstreams where `attaching` is on.
pub(super) fn all(profile: Profile, attaching: bool) -> Vec<Route> {
    let routes = vec![
        Route::of::<dynamic_tool::create::Create>(),
        Route::of::<dynamic_tool::update::Update>(),
        Route::of::<dynamic_tool::delete::Delete>(),
        Route::of::<dynamic_tool::list::List>(),
        Route::of::<dynamic_tool::get::Get>(),
        Route::of::<dynamic_tool::enable::Enable>(),
        Route::of::<dynamic_tool::call::CallTool>(),
        Route::of::<run_js_ephemeral::RunJsEphemeral>(),
        Route::of::<system::health::Health>(),
        Route::of::<dynamic_tool::history::History>(),
        Route::of::<dynamic_tool::rollback::Rollback>(),
        Route::of::<dynamic_tool::search::Search>(),
        Route::of::<dynamic_tool::test::Test>(),
        Route::of::<sandbox::initialize::Initialize>(),
        Route::of::<sandbox::exec::Exec>(),
        Route::of::<sandbox::run_js::RunJs>(),
        Route::of::<sandbox::stop::Stop>(),
        Route::of::<sandbox::session_list::SessionList>(),
        Route::of::<system::guard_metrics::GuardMetrics>(),
        Route::of::<system::runtime_config::ShowConfig>(),
        Route::of::<upstream::attach::Attach>(),
        Route::of::<upstream::detach::Detach>(),
        Route::of::<upstream::list::List>(),
    ];
    let offered = |route: &Route| {
        BUILTINS.iter().any(|known| known.name == route.name && profile.includes(known.profile))
    };
    let on = |route: &Route| attaching || !route.name.starts_with("upstream.");
    routes.into_iter().filter(|route| offered(route) && on(route)).collect()
}

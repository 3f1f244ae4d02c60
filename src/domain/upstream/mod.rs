//! Other MCP servers whose tools are offered here too: how one is reached, under which alias, and the names
//! that its tools get.

pub mod alias;
pub mod attachment;
pub mod draft;
pub mod question;
pub mod remote;

pub use alias::{Alias, AliasError};
pub use attachment::{Attachment, Endpoint, HttpSpec, Secret, StdioSpec, UpstreamSpec};
pub use draft::{Checked, InvalidUpstream, UpstreamDraft, UpstreamPolicy};
pub use remote::{Mounted, RemoteTool, Unmountable};

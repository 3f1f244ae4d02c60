//! The systemd unit, judged by systemd's own tools, which need no running systemd.

use std::process::Command;

use super::text;

/// Most exposure that `systemd-analyze security` may see, in tenths; from 30 on it would be "medium".
const MOST_EXPOSED: &str = "--threshold=29";

#[test]
fn the_unit_is_understood_and_locked_down() {
    let program = env!("CARGO_BIN_EXE_dynamic-mcp");
    let unit = text("deploy/systemd/dynamic-mcp.service");
    assert!(unit.contains("ExecStart=/usr/local/bin/dynamic-mcp serve\n"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dynamic-mcp.service");
    std::fs::write(&file, unit.replace("/usr/local/bin/dynamic-mcp", program)).unwrap();
    for words in [["verify", "--man=no"].as_slice(), &["security", "--offline=true", MOST_EXPOSED]]
    {
        let judged =
            Command::new("systemd-analyze").arg("--no-pager").args(words).arg(&file).output();
        let judged = judged.unwrap_or_else(|error| {
            panic!("systemd-analyze: {error}; scripts/prepare installs it, in the package systemd")
        });
        let said = [judged.stdout.as_slice(), &judged.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(judged.status.success(), "{words:?}: {said}");
        // Of what it does not know it warns, and succeeds.
        assert!(words[0] != "verify" || said.is_empty(), "{said}");
    }
}

//! Attacks from within Node.js in a container.

use dynamic_mcp::domain::ErrorCode::{SandboxCrashed, SandboxViolation, Timeout, ToolError};

use super::Outcome::{self, Fails, Returns};
use super::every_attack;
use crate::contract::engine::Docker;

/// Where Node has more to attack with: in place of the row of the same name, or beside the others.
const NODE: &[(&str, &str, Outcome)] = &[
    (
        "forged frame",
        "require('fs').writeSync(3, Buffer.from([22, 0, 0, 0, 68, ...Buffer.from('0123456789abcdef\"FORGED\"')])); return 'real'",
        Fails(SandboxViolation),
    ),
    (
        "forged news of a death",
        "require('fs').writeSync(3, Buffer.from([29, 0, 0, 0, 88, ...Buffer.from('0123456789abcdef137 000000001')])); return 'real'",
        Fails(SandboxViolation),
    ),
    (
        "forged frame on standard output",
        "require('fs').writeSync(1, Buffer.from([8, 0, 0, 0, 68, ...Buffer.from('\"FORGED\"')])); return 'real'",
        Returns(r#""real""#),
    ),
    ("process.exit", "process.exit(0)", Fails(SandboxCrashed)),
    ("process.reallyExit", "process.reallyExit(0)", Fails(SandboxCrashed)),
    ("SIGKILL to itself", "process.kill(process.pid, 'SIGKILL')", Fails(SandboxCrashed)),
    (
        "SIGKILL to the first process",
        "process.kill(1, 'SIGKILL'); process.kill(1, 'SIGTERM'); return 1",
        Returns("1"),
    ),
    ("abort", "process.abort()", Fails(SandboxCrashed)),
    (
        "handlers taken away",
        "process.removeAllListeners(); process.on('unhandledRejection', () => {}); await new Promise(() => {})",
        Fails(SandboxCrashed),
    ),
    (
        "stop of the clock",
        "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)",
        Fails(Timeout),
    ),
    (
        "environment",
        "return Object.keys(process.env).filter((name) => !/^(PATH|HOSTNAME|HOME|PWD|SHLVL|NODE|YARN|_)/.test(name))",
        Returns("[]"),
    ),
    (
        "write a host file",
        "try { require('fs').writeFileSync('/etc/evil', '') } catch (error) { return error.code }",
        Returns(r#""EROFS""#),
    ),
    (
        "docker socket",
        "const {connect} = require('net'); await new Promise((ok, no) => connect('/var/run/docker.sock', ok).on('error', no))",
        Fails(ToolError),
    ),
    (
        "network",
        "try { await fetch('http://127.0.0.1:8788/') } catch (error) { return error.cause.code }",
        Returns(r#""ECONNREFUSED""#),
    ),
    (
        "network: the machine around",
        "return Object.keys(require('os').networkInterfaces()).filter((name) => name !== 'lo')",
        Returns("[]"),
    ),
    (
        "disk filled",
        "const fs = require('fs'); const block = Buffer.alloc(1 << 20); const found = []; \
         for (const folder of ['/tmp', '/workspace']) { try { for (let n = 0; n < 300; n++) fs.writeFileSync(`${folder}/${n}`, block) } \
         catch (error) { found.push(error.code) } fs.rmSync(`${folder}/0`) } return found",
        Returns(r#"["ENOSPC","ENOSPC"]"#),
    ),
    (
        "privileges",
        "const status = require('fs').readFileSync('/proc/self/status', 'utf8'); \
         return ['Uid', 'CapEff', 'NoNewPrivs', 'Seccomp'].map((name) => status.match(name + ':\\\\s+(\\\\S+)')[1])",
        Returns(r#"["1000","0000000000000000","1","2"]"#),
    ),
    (
        "a child that outlives the call",
        "require('child_process').spawn('sleep', ['1000'], {detached: true, stdio: 'ignore'}).unref(); return 1",
        Returns("1"),
    ),
    (
        "flood of standard output",
        "for (let i = 0; i < 1e5; i++) process.stdout.write('x'.repeat(1000) + '\\n'); return 1",
        Returns("1"),
    ),
    (
        "flood past the worker",
        "const line = Buffer.alloc(1 << 16, 'x'); for (let i = 0; i < 1000; i++) require('fs').writeSync(2, line); return 1",
        Returns("1"),
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_withstand_every_attack() {
    every_attack(&Docker(2), NODE).await;
}

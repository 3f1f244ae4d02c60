//! Attacks from within Node.js in a container.

use dynamic_mcp::domain::ErrorCode::{
    MemoryExceeded, SandboxCrashed, SandboxViolation, Timeout, ToolError,
};

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
    (
        "forged frame through /proc",
        "require('fs').writeFileSync('/proc/self/fd/3', Buffer.from([18, 0, 0, 0, 68, ...Buffer.from('0123456789abcdef\"\"')])); return 'real'",
        Fails(SandboxViolation),
    ),
    (
        "beginning of a frame whose end never comes",
        "require('fs').writeSync(3, Buffer.from([0, 0, 16, 0, 68])); return 'real'",
        Fails(SandboxViolation),
    ),
    (
        "forged frame by a thread",
        "const {Worker} = require('worker_threads'); new Worker(`require('fs').writeSync(3, 'hello, hello, hello, hello')`, {eval: true}); \
         await new Promise((done) => setTimeout(done, 20_000))",
        Fails(SandboxViolation),
    ),
    (
        "a child writes where it can",
        "const {spawnSync} = require('child_process'); spawnSync('sh', ['-c', 'for n in 0 1 2 3 4 5; do echo FORGED >&$n; done']); return 'real'",
        Returns(r#""real""#),
    ),
    (
        "all descriptors closed",
        "const fs = require('fs'); for (let n = 0; n < 64; n++) { try { fs.closeSync(n) } catch {} } return 'real'",
        Fails(SandboxCrashed),
    ),
    ("process.exit", "process.exit(0)", Fails(SandboxCrashed)),
    (
        "process.exit later",
        "setTimeout(() => process.exit(3), 1); await new Promise(() => {})",
        Fails(SandboxCrashed),
    ),
    (
        "process.exit while the result is written",
        "return {toJSON() { process.exit(0) }}",
        Fails(SandboxCrashed),
    ),
    (
        "process.exit that never ends",
        "process.on('exit', () => { for (;;) {} }); process.exit(0)",
        Fails(Timeout),
    ),
    (
        "SIGKILL to all that can be reached",
        "process.kill(-1, 'SIGKILL'); process.kill(process.pid, 'SIGKILL')",
        Fails(SandboxCrashed),
    ),
    (
        "SIGKILL to what tells of its end",
        "process.kill(process.ppid, 'SIGKILL'); process.exit(0)",
        Fails(SandboxCrashed),
    ),
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
        "the first process, looked into",
        "const fs = require('fs'); return ['environ', 'fd', 'fd/0', 'mem', 'task/1/fd/0', 'exe'].filter((name) => { \
         try { fs.accessSync(`/proc/1/${name}`, fs.constants.R_OK); fs.openSync(`/proc/1/${name}`, 'r'); return true } catch { return false } })",
        Returns("[]"),
    ),
    (
        "a program in place of the first one's",
        "const fs = require('fs'); const found = []; for (const attempt of [() => fs.chmodSync('/lease/cat', 0o777), () => fs.writeFileSync('/lease/cat', ''), \
         () => fs.unlinkSync('/lease/cat'), () => fs.writeFileSync('/lease/evil', ''), () => fs.readdirSync('/proc/1/fd')]) { try { attempt(); found.push('done') } catch (error) { found.push(error.code) } } return found",
        Returns(r#"["done","ETXTBSY","done","ENOSPC","EACCES"]"#),
    ),
    (
        "host files",
        "const fs = require('fs'); return ['/etc/shadow', '/root/.profile', '/proc/1/root/etc/shadow', '/proc/kcore', '/dev/mem', '/sys/firmware/x'] \
         .filter((file) => { try { fs.readFileSync(file); return true } catch { return false } })",
        Returns("[]"),
    ),
    (
        "symlink out of the workspace",
        "const fs = require('fs'); fs.symlinkSync('/etc/passwd', '/tmp/link'); try { fs.appendFileSync('/tmp/link', 'x') } catch (error) { return error.code }",
        Returns(r#""EACCES""#),
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
        "network: past the host",
        "const {connect} = require('net'); await new Promise((ok, no) => connect(80, '10.1.2.3', ok).on('error', no))",
        Fails(ToolError),
    ),
    (
        "network: a name",
        "return await require('dns').promises.lookup('example.com')",
        Fails(ToolError),
    ),
    (
        "network: a request that nobody listens to",
        "require('http').get('http://example.com/'); await new Promise(() => {})",
        Fails(ToolError),
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
        "kernel: namespaces, mounts, devices",
        "const {spawnSync} = require('child_process'); return [['unshare', '-U', 'true'], ['unshare', '-n', 'true'], ['mount', '-t', 'tmpfs', 'x', '/tmp'], \
         ['mknod', '/tmp/dev', 'c', '1', '3'], ['chroot', '/tmp', 'true']].filter(([program, ...rest]) => spawnSync(program, rest).status === 0)",
        Returns("[]"),
    ),
    (
        "programs brought along",
        "const fs = require('fs'); fs.writeFileSync('/workspace/evil', '#!/bin/sh\\nexit 0', {mode: 0o755}); \
         return require('child_process').spawnSync('/workspace/evil').error.code",
        Returns(r#""EACCES""#),
    ),
    (
        "fork bomb that catches its failures",
        "const {spawn} = require('child_process'); let refused = 0; for (let i = 0; i < 400; i++) { \
         try { spawn('sleep', ['1000']).on('error', () => refused++) } catch { refused++ } } \
         await new Promise((done) => setTimeout(done, 1)); return refused > 100",
        Returns("true"),
    ),
    (
        "memory bomb in a thread",
        "const {Worker} = require('worker_threads'); const bomb = new Worker('const a = []; for (;;) a.push(new Array(1000).fill({}))', {eval: true, resourceLimits: {maxOldGenerationSizeMb: 16}}); \
         await new Promise((done, failed) => bomb.on('error', failed).on('exit', done))",
        Fails(MemoryExceeded),
    ),
    (
        "memory bomb in a child",
        "require('child_process').spawnSync('node', ['-e', 'const a = []; for (;;) a.push(Buffer.alloc(1 << 24, 1))']); return 1",
        Returns("1"),
    ),
    (
        "memory bomb: gigabytes of JSON",
        "return JSON.stringify(Array(4000).fill('x'.repeat(1 << 20)))",
        Fails(MemoryExceeded),
    ),
    (
        "memory bomb: gigabytes in the result",
        "return Array(4000).fill('x'.repeat(1 << 20))",
        Fails(MemoryExceeded),
    ),
    (
        "memory bomb: an array of characters",
        "return 'x'.repeat(1 << 28).split('').length",
        Fails(MemoryExceeded),
    ),
    (
        "memory bomb: WebAssembly",
        "const memory = new WebAssembly.Memory({initial: 30_000}); return new Uint8Array(memory.buffer).fill(1).length",
        Fails(MemoryExceeded),
    ),
    (
        "memory bomb: a file system",
        "const fs = require('fs'); const block = Buffer.alloc(1 << 20); const kept = []; for (const folder of ['/tmp', '/workspace']) \
         { try { for (let n = 0;; n++) fs.writeFileSync(`${folder}/${n}`, block) } catch {} } for (;;) kept.push(Buffer.alloc(1 << 24, 1))",
        Fails(MemoryExceeded),
    ),
    (
        "a rejection after the result",
        "setTimeout(() => Promise.reject(new Error('late')), 5); return 1",
        Returns("1"),
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

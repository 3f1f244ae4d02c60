# Shortcuts for people; each is one command that works without just.

# Lists these.
default:
    @just --list

# Formats the code.
fmt:
    cargo fmt

# Format and lints, in every set of features.
lint:
    scripts/lint

# Every test, from nothing, among them the real clients.
test *FILTER:
    ./test {{ FILTER }}

# The tests of the library alone.
test-domain:
    cargo test --no-default-features --lib --tests

# The tests of the minimal build.
test-mvp: prepare
    cargo test --no-default-features --features mvp --lib --tests

# Installs what the tests need.
prepare:
    scripts/prepare

# The API's documentation.
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --all-features

# Licences, sources and known faults of the dependencies.
deny:
    cargo deny check

# All that has to hold before anything lands.
ci:
    .ci/run

//! JSON Schema 2020-12, for schemas and values that nobody trusts.
//!
//! The crates that validate JSON Schema let a schema of a few hundred bytes take exponential time, with no
//! way to stop them. This validator counts its steps, remembers what a referenced schema said of a value,
//! and gives up in words: see docs/adr/0010. It covers the core, applicator, unevaluated and validation
//! vocabularies. `format` and `content*` are annotations, which is the standard's default. Two things are
//! refused when a schema is compiled: patterns with look-around or back-references, and a `$dynamicRef`
//! that could mean several schemas.
//!
//! The way through: `refs` indexes what can be referred to, `compile` makes an arena of `node`s (with
//! `assertion`, `pattern`, and `place` for messages), `graph` refuses cycles, `evaluate` and `children`
//! give the verdict, `explain` and `words` say why.

mod assertion;
mod children;
mod compile;
mod evaluate;
mod explain;
mod graph;
mod marks;
mod node;
mod number;
mod pattern;
mod place;
mod refs;
mod value;
mod words;

use std::sync::Arc;

use serde_json::Value;

use self::evaluate::{Evaluation, STEPS, TooMuch};
use self::node::{Arena, NodeId};
use crate::domain::tool::ToolSchema;
use crate::ports::{CompiledSchema, SchemaCheck, SchemaViolation};

/// Steps for finding out why a value does not match.
const EXPLAIN_STEPS: u64 = 1_000_000;

/// Compiles schemas to be evaluated within limits.
#[derive(Debug, Clone, Copy, Default)]
pub struct BoundedSchemaCheck;

impl SchemaCheck for BoundedSchemaCheck {
    fn compile(&self, schema: &ToolSchema) -> Result<Arc<dyn CompiledSchema>, String> {
        Ok(Arc::new(Compiled(compile::compile(schema.as_map())?)))
    }
}

struct Compiled(Arena);

impl CompiledSchema for Compiled {
    fn validate(&self, value: &Value) -> Result<(), Vec<SchemaViolation>> {
        match Evaluation::new(&self.0, STEPS).node(NodeId::ROOT, value, None) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let evaluation = Evaluation::new(&self.0, EXPLAIN_STEPS);
                let (mut found, _) = explain::explain(evaluation, value);
                if found.is_empty() {
                    found.push(whole(value, "a value that matches the schema"));
                }
                Err(found)
            }
            Err(TooMuch) => Err(vec![whole(
                value,
                "a value that can be checked against this schema within the server's limits: make it smaller, \
                 less deep, or the schema simpler",
            )]),
        }
    }
}

fn whole(value: &Value, expected: &str) -> SchemaViolation {
    SchemaViolation {
        pointer: String::new(),
        expected: expected.to_owned(),
        got: words::show(value),
    }
}

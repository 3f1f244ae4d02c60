//! What every `SchemaCheck` must do: the verdicts of JSON Schema 2020-12, violations that help, and bounded
//! work whatever schema and value are.

mod cases;
mod hostile;
mod oracle;

use std::sync::Arc;

use dynamic_mcp::adapters::outbound::schema_check::BoundedSchemaCheck;
use dynamic_mcp::domain::tool::ToolSchema;
use dynamic_mcp::ports::{CompiledSchema, SchemaCheck, SchemaViolation};
use serde_json::Value;

/// Makes a checker.
type Make = fn() -> Arc<dyn SchemaCheck>;

fn compile(make: Make, schema: &Value) -> Result<Arc<dyn CompiledSchema>, String> {
    make().compile(&ToolSchema::output(schema.clone()).unwrap())
}

fn validate(make: Make, schema: &Value, value: &Value) -> Result<(), Vec<SchemaViolation>> {
    match compile(make, schema) {
        Ok(compiled) => compiled.validate(value),
        Err(why) => panic!("{schema} does not compile: {why}"),
    }
}

macro_rules! schema_check_contract {
    ($name:ident, $make:expr) => {
        schema_check_contract!(@each $name, $make,
            cases::verdicts,
            cases::references,
            cases::numbers,
            cases::violations_say_where_and_what,
            cases::alternatives_are_explained_by_the_one_that_was_meant,
            cases::there_are_at_most_five_violations_and_none_is_long,
            cases::a_schema_that_is_no_schema_is_refused_with_its_place,
            cases::nothing_is_fetched,
            cases::ordinary_recursive_schemas_are_served,
            hostile::hostile_schemas_are_refused_when_compiled,
            hostile::hostile_pairs_end,
            hostile::patterns_take_linear_time,
            hostile::whatever_is_generated_ends,
            oracle::agrees_with_another_implementation,
        );
    };
    (@each $name:ident, $make:expr, $($module:ident :: $case:ident,)*) => {
        mod $name {
            $(
                #[test]
                fn $case() {
                    super::$module::$case($make);
                }
            )*
        }
    };
}

schema_check_contract!(bounded, || std::sync::Arc::new(super::BoundedSchemaCheck));

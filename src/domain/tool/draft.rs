//! What callers write: a draft of a new tool, or a patch of an existing one, checked into content.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::check::check;
use super::policy::{InvalidTool, ToolPolicy};
use super::{
    Annotations, Dependency, EngineChoice, Example, Icon, Permissions, ToolContent, ToolName,
    ToolSchema,
};

/// A tool to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToolDraft {
    /// The tool's name: 3 to 64 characters, a letter first, then letters, digits, '.', '_', ':' or '-'. Not
    /// under 'dynamic.', 'sandbox.', 'system.' or 'upstream.'.
    pub name: String,
    /// A title for people, 1 to 120 characters. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What the tool does and when to use it, for models; 1 to 4,000 characters.
    pub description: String,
    /// JavaScript: the body of `async function run(args, ctx)`, which returns the result; 1 to 200,000
    /// characters. Example: `return { upper: String(args.text).toUpperCase() }`.
    pub code: String,
    /// JSON Schema 2020-12 of the arguments, an object of type "object", at most 100,000 bytes. With it the
    /// call's arguments are the object itself; without it callers pass {"args": {...}}. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, Value>>")]
    pub input_schema: Option<Value>,
    /// JSON Schema 2020-12 of the result, an object, at most 100,000 bytes. With it the result is validated
    /// and becomes structuredContent itself. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, Value>>")]
    pub output_schema: Option<Value>,
    /// Hints about the tool's behaviour for clients. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// Icons for clients, at most 8. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub icons: Vec<Icon>,
    /// Words to find the tool by, at most 32 of 1 to 64 characters. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Which engine runs the tool. Default: auto.
    #[serde(default)]
    pub engine: EngineChoice,
    /// The container image where docker runs the tool, from the operator's allow-list. Default: the first
    /// allowed image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// npm packages that the code imports; they need the docker engine. At most 64. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
    /// Longest run of a call, in milliseconds: 1,000 to the operator's maximum (120,000 unless changed).
    /// Default: 30,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// What the code may ask of the host, never more than the operator grants. Default: nothing.
    #[serde(default, skip_serializing_if = "Permissions::is_empty")]
    pub permissions: Permissions,
    /// Calls that show what the tool does, at most 32. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
    /// Whether the tool is listed and callable at once. Default: true.
    #[serde(default = "enabled_by_default")]
    pub enabled: bool,
}

const fn enabled_by_default() -> bool {
    true
}

impl ToolDraft {
    /// Checks everything that needs no engine and no schema compiler.
    pub fn check(self, policy: &ToolPolicy) -> Result<(ToolName, ToolContent), InvalidTool> {
        let name = ToolName::parse(&self.name)?;
        let image = policy.images.choose(self.image.as_deref())?;
        let content = ToolContent {
            title: self.title,
            description: self.description,
            code: self.code.into(),
            input_schema: self.input_schema.map(input_schema).transpose()?,
            output_schema: self.output_schema.map(output_schema).transpose()?,
            annotations: self.annotations,
            icons: self.icons,
            tags: self.tags,
            engine: self.engine,
            image,
            dependencies: self.dependencies,
            lock: None,
            timeout_ms: policy.timeout(self.timeout_ms)?,
            permissions: self.permissions,
            examples: self.examples,
        };
        check(&content, policy)?;
        Ok((name, content))
    }
}

/// A field of a patch: absent leaves it, `null` clears it, a value sets it.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Patched<T> {
    /// Leave it.
    #[default]
    Keep,
    /// Back to its default, or to nothing.
    Clear,
    /// The new value.
    Set(T),
}

impl<T> Patched<T> {
    const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    fn optional(self, old: Option<T>) -> Option<T> {
        match self {
            Self::Keep => old,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    fn or_default(self, old: T) -> T
    where
        T: Default,
    {
        match self {
            Self::Keep => old,
            Self::Clear => T::default(),
            Self::Set(value) => value,
        }
    }

    fn required(self, field: &'static str, old: T) -> Result<T, InvalidTool> {
        match self {
            Self::Keep => Ok(old),
            Self::Clear => Err(InvalidTool::NotClearable(field)),
            Self::Set(value) => Ok(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patched<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(from)?.map_or(Self::Clear, Self::Set))
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Patched<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Patched_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({ "oneOf": [value, { "type": "null" }] })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// Changes to a tool: the fields of a draft without the name; `null` clears an optional field.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ToolPatch {
    /// A new title, 1 to 120 characters; null removes it.
    pub title: Patched<String>,
    /// A new description, 1 to 4,000 characters.
    pub description: Patched<String>,
    /// New code: the body of `async function run(args, ctx)`, 1 to 200,000 characters.
    pub code: Patched<String>,
    /// A new JSON Schema of the arguments; null removes it.
    #[schemars(with = "Patched<serde_json::Map<String, Value>>")]
    pub input_schema: Patched<Value>,
    /// A new JSON Schema of the result; null removes it.
    #[schemars(with = "Patched<serde_json::Map<String, Value>>")]
    pub output_schema: Patched<Value>,
    /// New hints; null removes them.
    pub annotations: Patched<Annotations>,
    /// New icons, at most 8; null removes them.
    pub icons: Patched<Vec<Icon>>,
    /// New tags, at most 32; null removes them.
    pub tags: Patched<Vec<String>>,
    /// Another engine; null means auto.
    pub engine: Patched<EngineChoice>,
    /// Another image; null means the operator's default.
    pub image: Patched<String>,
    /// New dependencies, at most 64; null removes them.
    pub dependencies: Patched<Vec<Dependency>>,
    /// Another time limit in milliseconds, 1,000 to the operator's maximum; null means 30,000.
    pub timeout_ms: Patched<u64>,
    /// New grants; null removes them.
    pub permissions: Patched<Permissions>,
    /// New examples, at most 32; null removes them.
    pub examples: Patched<Vec<Example>>,
    /// Whether the tool is listed and callable.
    pub enabled: Patched<bool>,
}

impl ToolPatch {
    /// The changed definition and whether it is enabled, checked like a draft.
    pub fn apply(
        self,
        old: &ToolContent,
        enabled: bool,
        policy: &ToolPolicy,
    ) -> Result<(ToolContent, bool), InvalidTool> {
        if self.is_empty() {
            return Err(InvalidTool::EmptyPatch);
        }
        let old = old.clone();
        let image = match self.image {
            Patched::Keep => old.image,
            Patched::Clear => policy.images.default_image(),
            Patched::Set(reference) => policy.images.admit(&reference)?,
        };
        let timeout_ms = match self.timeout_ms {
            Patched::Keep => old.timeout_ms,
            Patched::Clear => policy.timeout(None)?,
            Patched::Set(ms) => policy.timeout(Some(ms))?,
        };
        let dependencies = self.dependencies.or_default(old.dependencies.clone());
        let content = ToolContent {
            title: self.title.optional(old.title),
            description: self.description.required("description", old.description)?,
            code: match self.code {
                Patched::Keep => old.code,
                Patched::Clear => return Err(InvalidTool::NotClearable("code")),
                Patched::Set(code) => code.into(),
            },
            input_schema: schema(self.input_schema, old.input_schema, input_schema)?,
            output_schema: schema(self.output_schema, old.output_schema, output_schema)?,
            annotations: self.annotations.optional(old.annotations),
            icons: self.icons.or_default(old.icons),
            tags: self.tags.or_default(old.tags),
            engine: self.engine.or_default(old.engine),
            image,
            lock: old.lock.filter(|_| dependencies == old.dependencies),
            dependencies,
            timeout_ms,
            permissions: self.permissions.or_default(old.permissions),
            examples: self.examples.or_default(old.examples),
        };
        check(&content, policy)?;
        let enabled = self.enabled.required("enabled", enabled)?;
        Ok((content, enabled))
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.title.is_keep()
            && self.description.is_keep()
            && self.code.is_keep()
            && self.input_schema.is_keep()
            && self.output_schema.is_keep()
            && self.annotations.is_keep()
            && self.icons.is_keep()
            && self.tags.is_keep()
            && self.engine.is_keep()
            && self.image.is_keep()
            && self.dependencies.is_keep()
            && self.timeout_ms.is_keep()
            && self.permissions.is_keep()
            && self.examples.is_keep()
            && self.enabled.is_keep()
    }
}

fn schema(
    new: Patched<Value>,
    old: Option<ToolSchema>,
    parse: fn(Value) -> Result<ToolSchema, InvalidTool>,
) -> Result<Option<ToolSchema>, InvalidTool> {
    match new {
        Patched::Keep => Ok(old),
        Patched::Clear => Ok(None),
        Patched::Set(schema) => parse(schema).map(Some),
    }
}

fn input_schema(schema: Value) -> Result<ToolSchema, InvalidTool> {
    ToolSchema::input(schema).map_err(|source| InvalidTool::Schema { field: "inputSchema", source })
}

fn output_schema(schema: Value) -> Result<ToolSchema, InvalidTool> {
    ToolSchema::output(schema)
        .map_err(|source| InvalidTool::Schema { field: "outputSchema", source })
}

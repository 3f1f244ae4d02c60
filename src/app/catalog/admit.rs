//! Whether a definition may be written: its schemas compile, its code parses and, where the operator wants
//! that, its examples pass.

use std::sync::Arc;

use super::{Author, Catalog};
use crate::app::executor::Subject;
use crate::app::snapshot::SchemaSlot;
use crate::app::{AppError, Tool};
use crate::domain::tool::schema::SchemaError;
use crate::domain::tool::{
    Dependency, DependencyLock, Digest, EngineKind, InvalidTool, ToolContent, ToolDraft, ToolName,
    ToolRecord, ToolSchema,
};

/// A definition's schemas, compiled.
pub(super) struct Schemas {
    input: Option<SchemaSlot>,
    output: Option<SchemaSlot>,
}

impl Schemas {
    /// The record with its schemas compiled already.
    pub(super) fn attach(self, record: &Arc<ToolRecord>) -> Tool {
        Tool::compiled(Arc::clone(record), self.input, self.output)
    }

    fn subject<'a>(
        &'a self,
        name: &'a ToolName,
        content: &'a ToolContent,
        engine: EngineKind,
    ) -> Subject<'a> {
        Subject {
            label: name.as_str(),
            identity: None,
            content,
            engine,
            input: self.input.as_ref(),
            output: self.output.as_ref(),
        }
    }
}

/// What was found out about definitions of one write, which may have to be made anew on a newer revision:
/// nothing is found out twice.
#[derive(Default)]
pub(super) struct Known {
    parsed: Option<Arc<str>>,
    locked: Option<(Vec<Dependency>, DependencyLock)>,
    tested: Option<ToolContent>,
}

impl Known {
    /// Everything about a revision that is stored.
    pub(super) fn of(record: &ToolRecord) -> Self {
        let content = &record.content;
        Self {
            parsed: Some(Arc::clone(&content.code)),
            locked: content.lock.clone().map(|lock| (content.dependencies.clone(), lock)),
            tested: Some(content.clone()),
        }
    }
}

/// A draft that could be written as it is, and runs.
pub(in crate::app) struct Examined {
    name: ToolName,
    content: ToolContent,
    engine: EngineKind,
    schemas: Schemas,
}

impl Examined {
    /// As something that can be run.
    pub(in crate::app) fn subject(&self) -> Subject<'_> {
        self.schemas.subject(&self.name, &self.content, self.engine)
    }
}

impl Catalog {
    /// Checks a definition that is about to be written, and installs and locks its dependencies. What is `known` of an equal one is not found out
    /// again, and what is found out is `known` afterwards.
    pub(super) async fn admit(
        &self,
        name: &ToolName,
        content: &mut ToolContent,
        known: &mut Known,
        author: &Author,
    ) -> Result<Schemas, AppError> {
        let schemas = self.compile(content)?;
        if known.parsed.as_ref() != Some(&content.code) {
            self.parts.engines.check(&content.code).await??;
            known.parsed = Some(Arc::clone(&content.code));
        }
        match &known.locked {
            Some((dependencies, lock)) if *dependencies == content.dependencies => {
                content.lock.get_or_insert_with(|| lock.clone());
            }
            _ => {}
        }
        let engine = self.engine_of(content).await;
        let tell = |progress| author.sink.progress(progress);
        self.parts.engines.lock(content, engine, &tell).await?;
        known.locked = content.lock.clone().map(|lock| (content.dependencies.clone(), lock));
        if let Some(examples) = &self.parts.test_on_write
            && !known.tested.as_ref().is_some_and(|tested| behaves_like(content, tested))
        {
            let subject = schemas.subject(name, content, engine);
            examples.demand(&author.actor, subject).await?;
            known.tested = Some(content.clone());
        }
        Ok(schemas)
    }

    /// Checks a draft as [`create`](Self::create) would, writing nothing and running no example.
    pub(in crate::app) async fn examine(&self, draft: ToolDraft) -> Result<Examined, AppError> {
        let (name, content) = draft.check(&self.parts.limits.policy)?;
        let schemas = self.compile(&content)?;
        self.parts.engines.check(&content.code).await??;
        let engine = self.engine_of(&content).await;
        Ok(Examined { name, content, engine, schemas })
    }

    /// The engine for a new revision with this content.
    pub(super) async fn engine_of(&self, content: &ToolContent) -> EngineKind {
        self.parts.engines.settled(content.engine).await;
        self.parts.engines.resolve(content.engine, !content.dependencies.is_empty())
    }

    fn compile(&self, content: &ToolContent) -> Result<Schemas, AppError> {
        let compile = |field, schema: Option<&ToolSchema>| {
            let compiled = schema.map(|schema| self.parts.schemas.compile(schema)).transpose();
            compiled.map(|schema| schema.map(Ok)).map_err(|reason| InvalidTool::Schema {
                field,
                source: SchemaError::Invalid(reason),
            })
        };
        Ok(Schemas {
            input: compile("inputSchema", content.input_schema.as_ref())?,
            output: compile("outputSchema", content.output_schema.as_ref())?,
        })
    }
}

/// Whether two definitions differ only in what people and models read.
fn behaves_like(one: &ToolContent, other: &ToolContent) -> bool {
    one.examples == other.examples && Digest::of(one) == Digest::of(other)
}

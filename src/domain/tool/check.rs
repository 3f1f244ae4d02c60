//! The rules for a whole definition, whether it comes from a draft or a patch, and for code that is not stored.

use super::policy::{
    DEFAULT_TIMEOUT_MS, InvalidTool, MAX_CODE_CHARS, MAX_DESCRIPTION_CHARS, MAX_EXAMPLE_BYTES,
    MAX_EXAMPLES, MAX_ICON_CHARS, MAX_ICON_SIZES, MAX_ICONS, MAX_MIME_TYPE_CHARS, MAX_TAG_CHARS,
    MAX_TAGS, MAX_TITLE_CHARS, MIN_TIMEOUT_MS, ToolPolicy,
};
use super::{Dependency, EngineChoice, Example, Icon, ToolContent};
use crate::domain::text::echo;

/// Checks everything about a definition that needs no engine and no schema compiler.
pub(super) fn check(content: &ToolContent, policy: &ToolPolicy) -> Result<(), InvalidTool> {
    if let Some(title) = &content.title {
        length("title", title, MAX_TITLE_CHARS)?;
    }
    length("description", &content.description, MAX_DESCRIPTION_CHARS)?;
    policy.check_code(&content.code, &content.dependencies)?;
    if let Some(title) = content.annotations.as_ref().and_then(|hints| hints.title.as_ref()) {
        length("annotations.title", title, MAX_TITLE_CHARS)?;
    }
    at_most("tags", content.tags.len(), MAX_TAGS)?;
    content.tags.iter().try_for_each(|tag| length("each tag", tag, MAX_TAG_CHARS))?;
    at_most("icons", content.icons.len(), MAX_ICONS)?;
    content.icons.iter().try_for_each(icon)?;
    at_most("examples", content.examples.len(), MAX_EXAMPLES)?;
    content.examples.iter().try_for_each(example)?;
    if content.engine == EngineChoice::Embedded && !content.dependencies.is_empty() {
        return Err(InvalidTool::DependenciesNeedDocker);
    }
    Ok(content.permissions.within(&policy.ceiling)?)
}

impl ToolContent {
    /// Whether a definition that was admitted once would be admitted now.
    pub fn keeps(&self, policy: &ToolPolicy) -> Result<(), InvalidTool> {
        policy.images.admit(self.image.as_str())?;
        policy.timeout(Some(self.timeout_ms.into()))?;
        check(self, policy)
    }
}

impl ToolPolicy {
    /// Code, stored or not, and the packages that it imports.
    pub fn check_code(&self, code: &str, dependencies: &[Dependency]) -> Result<(), InvalidTool> {
        length("code", code, MAX_CODE_CHARS)?;
        Ok(self.dependencies.check(dependencies)?)
    }

    /// The time limit asked for, or the default, within what the operator allows; in milliseconds.
    pub fn timeout(&self, ms: Option<u64>) -> Result<u32, InvalidTool> {
        let (min, max) = (MIN_TIMEOUT_MS, self.max_timeout_ms);
        let actual = ms.unwrap_or_else(|| DEFAULT_TIMEOUT_MS.min(max).into());
        match u32::try_from(actual) {
            Ok(ms) if (min..=max).contains(&ms) => Ok(ms),
            _ => Err(InvalidTool::Timeout { min, max, actual }),
        }
    }
}

fn icon(icon: &Icon) -> Result<(), InvalidTool> {
    length("an icon's src", &icon.src, MAX_ICON_CHARS)?;
    let wrong = |given: &str, expected| Err(InvalidTool::Icon { given: echo(given), expected });
    // Clients load it: nothing that runs, and nothing that can be listened to on the way.
    if !(icon.src.starts_with("https://") || icon.src.starts_with("data:image/")) {
        return wrong(&icon.src, "an https: or data:image/ URI");
    }
    if let Some(kind) = &icon.mime_type {
        length("an icon's mimeType", kind, MAX_MIME_TYPE_CHARS)?;
        if !kind.starts_with("image/") {
            return wrong(kind, "a MIME type such as image/png");
        }
    }
    let sizes = icon.sizes.as_deref().unwrap_or_default();
    at_most("an icon's sizes", sizes.len(), MAX_ICON_SIZES)?;
    match sizes.iter().find(|size| !is_size(size)) {
        Some(size) => wrong(size, "a size such as 48x48, or any"),
        None => Ok(()),
    }
}

fn is_size(size: &str) -> bool {
    let number = |text: &str| {
        (1..=5).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit())
    };
    size == "any" || size.split_once('x').is_some_and(|(wide, high)| number(wide) && number(high))
}

fn example(example: &Example) -> Result<(), InvalidTool> {
    if let Some(name) = &example.name {
        length("an example's name", name, MAX_TITLE_CHARS)?;
    }
    let bytes = serde_json::to_vec(example).map_or(usize::MAX, |json| json.len());
    if bytes > MAX_EXAMPLE_BYTES {
        return Err(InvalidTool::ExampleTooLarge { max: MAX_EXAMPLE_BYTES, actual: bytes });
    }
    Ok(())
}

fn length(field: &'static str, text: &str, max: usize) -> Result<(), InvalidTool> {
    if text.contains('\0') {
        return Err(InvalidTool::Null(field));
    }
    let actual = text.chars().count();
    if (1..=max).contains(&actual) {
        Ok(())
    } else {
        Err(InvalidTool::Length { field, min: 1, max, actual })
    }
}

fn at_most(field: &'static str, actual: usize, max: usize) -> Result<(), InvalidTool> {
    if actual <= max { Ok(()) } else { Err(InvalidTool::TooMany { field, max, actual }) }
}

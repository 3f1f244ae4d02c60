//! URLs and form encoding, by the `url` crate.

use rquickjs::Object;
use rquickjs::function::Func;
use url::{Url, form_urlencoded, quirks};

/// Adds `urlParse(url, base)` and `urlSet(href, part, value)`, each giving a URL's parts or undefined, and
/// `formParse(text)` and `formSerialize(list)`, whose lists alternate names and values.
pub(super) fn install(kit: &Object<'_>) -> rquickjs::Result<()> {
    kit.set(
        "urlParse",
        Func::from(|url: String, base: Option<String>| parse(&url, base.as_deref())),
    )?;
    kit.set(
        "urlSet",
        Func::from(|href: String, part: usize, value: String| set(&href, part, &value)),
    )?;
    kit.set("formParse", Func::from(|text: String| form_parse(&text)))?;
    kit.set("formSerialize", Func::from(|list: Vec<String>| form_serialize(&list)))
}

fn parse(url: &str, base: Option<&str>) -> Option<Vec<String>> {
    let base = match base {
        Some(base) => Some(Url::parse(base).ok()?),
        None => None,
    };
    Url::options().base_url(base.as_ref()).parse(url).ok().map(|url| parts(&url))
}

/// In the order in which the script numbers them.
fn parts(url: &Url) -> Vec<String> {
    vec![
        quirks::href(url).to_owned(),
        quirks::origin(url),
        quirks::protocol(url).to_owned(),
        quirks::username(url).to_owned(),
        quirks::password(url).to_owned(),
        quirks::host(url).to_owned(),
        quirks::hostname(url).to_owned(),
        quirks::port(url).to_owned(),
        quirks::pathname(url).to_owned(),
        quirks::search(url).to_owned(),
        quirks::hash(url).to_owned(),
    ]
}

fn set(href: &str, part: usize, value: &str) -> Option<Vec<String>> {
    let mut url = Url::parse(href).ok()?;
    match part {
        2 => quirks::set_protocol(&mut url, value).ok()?,
        3 => quirks::set_username(&mut url, value).ok()?,
        4 => quirks::set_password(&mut url, value).ok()?,
        5 => quirks::set_host(&mut url, value).ok()?,
        6 => quirks::set_hostname(&mut url, value).ok()?,
        7 => quirks::set_port(&mut url, value).ok()?,
        8 => quirks::set_pathname(&mut url, value),
        9 => quirks::set_search(&mut url, value),
        10 => quirks::set_hash(&mut url, value),
        _ => return None,
    }
    Some(parts(&url))
}

fn form_parse(text: &str) -> Vec<String> {
    form_urlencoded::parse(text.as_bytes())
        .flat_map(|(name, value)| [name.into_owned(), value.into_owned()])
        .collect()
}

fn form_serialize(list: &[String]) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    for pair in list.chunks_exact(2) {
        if let [name, value] = pair {
            text.append_pair(name, value);
        }
    }
    text.finish()
}

//! Text as bytes and bytes as text.
#![expect(clippy::needless_pass_by_value, reason = "the interpreter hands over arguments by value")]

use rquickjs::convert::List;
use rquickjs::function::Func;
use rquickjs::{Ctx, Exception, Object};

use super::bytes::{self, Bytes};

/// What windows-1252 has at 0x80 to 0x9f; everywhere else it is Latin-1.
const WINDOWS_1252: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}',
    '\u{2c6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}',
    '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}',
    '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}', '\u{17e}', '\u{178}',
];

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Adds, for the Encoding Standard, `utf8Encode(text)`, `utf8Prefix(text, room)` (as much as fits, and how many
/// UTF-16 units that is) and `decode(encoding, bytes, fatal, last)` (the text and how many bytes at the end wait
/// for more; undefined where they are not valid); for `Buffer`, `encodeText(encoding, text)` and
/// `decodeText(encoding, bytes)`.
pub(super) fn install(kit: &Object<'_>) -> rquickjs::Result<()> {
    kit.set("utf8Encode", Func::from(utf8_encode))?;
    kit.set("utf8Prefix", Func::from(utf8_prefix))?;
    kit.set("decode", Func::from(decode))?;
    kit.set("encodeText", Func::from(encode_text))?;
    kit.set("decodeText", Func::from(decode_text))
}

fn utf8_encode(ctx: Ctx<'_>, text: String) -> rquickjs::Result<Bytes<'_>> {
    bytes::array(&ctx, text)
}

fn utf8_prefix(
    ctx: Ctx<'_>,
    text: String,
    room: usize,
) -> rquickjs::Result<List<(Bytes<'_>, usize)>> {
    let (fits, _) = text.split_at(text.floor_char_boundary(room));
    Ok(List((bytes::array(&ctx, fits)?, fits.encode_utf16().count())))
}

fn decode<'js>(
    ctx: Ctx<'js>,
    encoding: String,
    data: Bytes<'js>,
    fatal: bool,
    last: bool,
) -> rquickjs::Result<Option<List<(String, usize)>>> {
    bytes::read(&ctx, &data, |data| {
        let (text, waiting, valid) = match encoding.as_str() {
            "utf-16le" => utf16(data, last, u16::from_le_bytes),
            "utf-16be" => utf16(data, last, u16::from_be_bytes),
            "windows-1252" => (data.iter().map(|byte| windows_1252(*byte)).collect(), 0, true),
            _ => utf8(data, last),
        };
        (valid || !fatal).then_some(List((text, waiting)))
    })
}

/// The text, the bytes at its end that wait for more, and whether all of it was valid.
type Decoded = (String, usize, bool);

fn utf8(data: &[u8], last: bool) -> Decoded {
    let mut text = String::with_capacity(data.len());
    let mut valid = true;
    let mut chunks = data.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        text.push_str(chunk.valid());
        let invalid = chunk.invalid();
        if invalid.is_empty() {
            continue;
        }
        let unfinished = chunks.peek().is_none()
            && std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
        if unfinished && !last {
            return (text, invalid.len(), valid);
        }
        valid = false;
        text.push(char::REPLACEMENT_CHARACTER);
    }
    (text, 0, valid)
}

fn utf16(data: &[u8], last: bool, unit: fn([u8; 2]) -> u16) -> Decoded {
    let (pairs, odd) = data.as_chunks::<2>();
    let mut waiting = odd.len();
    let mut units = pairs;
    // Half of a pair at the very end waits for its other half.
    if !last
        && let Some((end, before)) = pairs.split_last()
        && (0xd800..0xdc00).contains(&unit(*end))
    {
        units = before;
        waiting += 2;
    }
    let mut valid = true;
    let mut text: String = char::decode_utf16(units.iter().map(|pair| unit(*pair)))
        .map(|decoded| {
            decoded.unwrap_or_else(|_| {
                valid = false;
                char::REPLACEMENT_CHARACTER
            })
        })
        .collect();
    if last && waiting > 0 {
        valid = false;
        waiting = 0;
        text.push(char::REPLACEMENT_CHARACTER);
    }
    (text, waiting, valid)
}

fn windows_1252(byte: u8) -> char {
    usize::from(byte)
        .checked_sub(0x80)
        .and_then(|at| WINDOWS_1252.get(at))
        .map_or(char::from(byte), |shown| *shown)
}

fn encode_text(ctx: Ctx<'_>, encoding: String, text: String) -> rquickjs::Result<Bytes<'_>> {
    let encoded = match encoding.as_str() {
        "utf8" => return bytes::array(&ctx, text),
        "utf16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        // As Node has it: the low byte of each unit.
        "latin1" | "ascii" => text.encode_utf16().map(|unit| unit.to_le_bytes()[0]).collect(),
        "hex" => hex_decode(&text),
        "base64" | "base64url" => base64_decode(&text),
        _ => return Err(Exception::throw_type(&ctx, "no such encoding")),
    };
    let encoded: Vec<u8> = encoded;
    bytes::array(&ctx, encoded)
}

fn decode_text<'js>(ctx: Ctx<'js>, encoding: String, data: Bytes<'js>) -> rquickjs::Result<String> {
    bytes::read(&ctx, &data, |data| match encoding.as_str() {
        "utf16le" => {
            let (pairs, _) = data.as_chunks::<2>();
            let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
            char::decode_utf16(units)
                .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        "latin1" => data.iter().map(|byte| char::from(*byte)).collect(),
        "ascii" => data.iter().map(|byte| char::from(byte & 0x7f)).collect(),
        "hex" => hex_encode(data),
        "base64" => base64_encode(data, false),
        "base64url" => base64_encode(data, true),
        _ => String::from_utf8_lossy(data).into_owned(),
    })
}

fn hex_encode(data: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    data.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Up to the first pair that is none.
fn hex_decode(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    pairs.iter().map_while(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

fn base64_encode(data: &[u8], url: bool) -> String {
    let mut text = String::with_capacity(data.len().div_ceil(3) * 4);
    for chunk in data.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4_u32 {
            if at as usize > chunk.len() {
                if !url {
                    text.push('=');
                }
                continue;
            }
            let index = (bits >> (18 - 6 * at)) & 63;
            let digit = BASE64.get(index as usize).copied().unwrap_or_default();
            text.push(match digit {
                b'+' if url => '-',
                b'/' if url => '_',
                digit => char::from(digit),
            });
        }
    }
    text
}

/// Leniently, as Node does: either alphabet, anything else left out, up to the padding.
fn base64_decode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in text.bytes().take_while(|byte| *byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count).to_le_bytes()[0]);
            bits &= (1 << count) - 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{base64_decode, base64_encode, hex_decode, hex_encode, utf8, utf16};

    #[test]
    fn base64_and_hex_go_there_and_back() {
        for length in 0..40 {
            let data: Vec<u8> = (0..length).map(|at: u8| at.wrapping_mul(37)).collect();
            assert_eq!(base64_decode(&base64_encode(&data, false)), data);
            assert_eq!(base64_decode(&base64_encode(&data, true)), data);
            assert_eq!(hex_decode(&hex_encode(&data)), data);
        }
        assert_eq!(base64_encode(b"ab", false), "YWI=");
        assert_eq!(base64_encode(&[0xfb, 0xff], true), "-_8");
    }

    #[test]
    fn unfinished_sequences_wait_or_are_replaced() {
        let euro = "€".as_bytes();
        assert_eq!(utf8(&euro[..2], false), (String::new(), 2, true));
        assert_eq!(utf8(&euro[..2], true), ("\u{fffd}".to_owned(), 0, false));
        assert_eq!(utf8(b"a\xffb", true), ("a\u{fffd}b".to_owned(), 0, false));
        assert_eq!(utf16(&[0x3d, 0xd8, 0x00], false, u16::from_le_bytes), (String::new(), 3, true));
        assert_eq!(
            utf16(&[0x61, 0, 0x3d, 0xd8], true, u16::from_le_bytes),
            ("a\u{fffd}".to_owned(), 0, false)
        );
    }
}

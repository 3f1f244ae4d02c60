//! Digests and HMAC.
#![expect(clippy::needless_pass_by_value, reason = "the interpreter hands over arguments by value")]

use hmac::{Hmac, KeyInit as _, Mac as _};
use rquickjs::function::Func;
use rquickjs::{ArrayBuffer, Ctx, Exception, Object};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::bytes::{self, Bytes};

/// Adds `digest(hash, bytes)` and `hmac(hash, key, bytes)`, each giving an `ArrayBuffer`. The hashes are named
/// as the Web Crypto API names them.
pub(super) fn install(kit: &Object<'_>) -> rquickjs::Result<()> {
    kit.set("digest", Func::from(digest))?;
    kit.set("hmac", Func::from(hmac))
}

fn digest<'js>(
    ctx: Ctx<'js>,
    hash: String,
    data: Bytes<'js>,
) -> rquickjs::Result<ArrayBuffer<'js>> {
    let digest = bytes::read(&ctx, &data, |data| match hash.as_str() {
        "SHA-1" => Some(Sha1::digest(data).to_vec()),
        "SHA-256" => Some(Sha256::digest(data).to_vec()),
        "SHA-384" => Some(Sha384::digest(data).to_vec()),
        "SHA-512" => Some(Sha512::digest(data).to_vec()),
        _ => None,
    })?;
    bytes::buffer(&ctx, digest.ok_or_else(|| unknown(&ctx))?)
}

fn hmac<'js>(
    ctx: Ctx<'js>,
    hash: String,
    key: Bytes<'js>,
    data: Bytes<'js>,
) -> rquickjs::Result<ArrayBuffer<'js>> {
    let key = bytes::read(&ctx, &key, <[u8]>::to_vec)?;
    let code = bytes::read(&ctx, &data, |data| {
        macro_rules! code {
            ($hash:ty) => {{
                let mut mac = Hmac::<$hash>::new_from_slice(&key).ok()?;
                mac.update(data);
                Some(mac.finalize().into_bytes().to_vec())
            }};
        }
        match hash.as_str() {
            "SHA-1" => code!(Sha1),
            "SHA-256" => code!(Sha256),
            "SHA-384" => code!(Sha384),
            "SHA-512" => code!(Sha512),
            _ => None,
        }
    })?;
    bytes::buffer(&ctx, code.ok_or_else(|| unknown(&ctx))?)
}

fn unknown(ctx: &Ctx<'_>) -> rquickjs::Error {
    Exception::throw_type(ctx, "no such hash")
}

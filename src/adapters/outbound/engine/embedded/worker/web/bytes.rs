//! Bytes between the interpreter and Rust. What is made for the interpreter is always copied into its own
//! memory, so that it counts towards the call's limit.

use rquickjs::{ArrayBuffer, Ctx, Exception, TypedArray};

/// A `Uint8Array` as an argument.
pub(super) type Bytes<'js> = TypedArray<'js, u8>;

/// Gives `read` the bytes of an array. `read` can't reach the interpreter, so that nothing changes the bytes
/// while it looks at them.
///
/// # Errors
/// A `TypeError` where the array's buffer has been detached.
pub(super) fn read<T: 'static>(
    ctx: &Ctx<'_>,
    bytes: &Bytes<'_>,
    read: impl FnOnce(&[u8]) -> T,
) -> rquickjs::Result<T> {
    let Some(raw) = bytes.as_raw() else {
        drop(ctx.catch());
        return Err(Exception::throw_type(ctx, "the ArrayBuffer has been detached"));
    };
    #[expect(
        unsafe_code,
        reason = "the interpreter's memory, which can't change before `read` returns"
    )]
    // SAFETY: the pointer is the interpreter's own, checked against the buffer's length, and neither
    // `read` nor its result (which is `'static`) has a way to run code or to keep the slice.
    let bytes = unsafe { raw.as_ref() };
    Ok(read(bytes))
}

/// A `Uint8Array` of its own.
pub(super) fn array<'js>(ctx: &Ctx<'js>, bytes: impl AsRef<[u8]>) -> rquickjs::Result<Bytes<'js>> {
    TypedArray::new_copy(ctx.clone(), bytes)
}

/// An `ArrayBuffer` of its own.
pub(super) fn buffer<'js>(
    ctx: &Ctx<'js>,
    bytes: impl AsRef<[u8]>,
) -> rquickjs::Result<ArrayBuffer<'js>> {
    ArrayBuffer::new_copy(ctx.clone(), bytes)
}

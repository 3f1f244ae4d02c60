//! Any system call, from within a worker.

use std::ffi::CString;

/// `numbers` is `[number, argument, ...]` as JSON; an argument that is a string is passed by its address. The
/// answer is what the call returned, or its error.
#[expect(unsafe_code, reason = "the point is to do what nobody may")]
pub(crate) fn call(numbers: &str) -> String {
    let parsed: Vec<serde_json::Value> = serde_json::from_str(numbers).unwrap();
    let texts: Vec<Option<CString>> =
        parsed.iter().map(|value| value.as_str().map(|text| CString::new(text).unwrap())).collect();
    let mut words = [0_i64; 7];
    for (slot, (value, text)) in words.iter_mut().zip(parsed.iter().zip(&texts)) {
        *slot = text.as_ref().map_or_else(|| value.as_i64().unwrap(), |text| text.as_ptr() as i64);
    }
    let [number, arguments @ ..] = words;
    let [first, second, third, fourth, fifth, sixth] = arguments;
    // SAFETY: there is none; a worker that this harms is killed, and that is what is tested.
    let answer = unsafe { libc::syscall(number, first, second, third, fourth, fifth, sixth) };
    if answer < 0 { std::io::Error::last_os_error().to_string() } else { format!("ok {answer}") }
}

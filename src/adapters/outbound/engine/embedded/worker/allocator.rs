//! The interpreter's memory: counted, capped, and remembering that it said no.
//!
//! `QuickJS` turns a refused allocation into an exception that code can catch, or loses it inside a promise
//! job; so whether a call met its limit is known here and nowhere else.

use std::cell::Cell;
use std::rc::Rc;

use rquickjs::allocator::{Allocator, RustAllocator};

/// Beyond the limit, for allocations of at most [`SMALL`] bytes: room to build the exception.
const RESERVE: usize = 256 << 10;
const SMALL: usize = 1 << 10;
/// Bytes that an allocation costs beside its payload.
const OVERHEAD: usize = 16;

/// What the allocator and the one who asks it share.
#[derive(Debug, Default)]
pub(super) struct Memory {
    used: Cell<usize>,
    limit: Cell<usize>,
    refused: Cell<bool>,
}

impl Memory {
    /// At most `limit` bytes.
    pub(super) fn new(limit: usize) -> Rc<Self> {
        Rc::new(Self { limit: Cell::new(limit), ..Self::default() })
    }

    /// Whether an allocation was ever refused.
    pub(super) fn refused(&self) -> bool {
        self.refused.get()
    }

    /// Room for `size` more bytes, where `old` are given back.
    fn admits(&self, size: usize, old: usize) -> bool {
        let limit = self.limit.get() + if size <= SMALL { RESERVE } else { 0 };
        let wanted = self.used.get().saturating_sub(old).saturating_add(size);
        let admitted = wanted <= limit;
        if !admitted {
            self.refused.set(true);
        }
        admitted
    }

    fn grow(&self, bytes: usize) {
        self.used.set(self.used.get().saturating_add(bytes));
    }

    fn shrink(&self, bytes: usize) {
        self.used.set(self.used.get().saturating_sub(bytes));
    }
}

/// The allocator that a runtime is made with.
pub(super) struct Capped(pub(super) Rc<Memory>);

impl Capped {
    /// Books what an allocation got, or that the system itself refused it.
    fn book(&self, pointer: *mut u8) -> *mut u8 {
        if pointer.is_null() {
            self.0.refused.set(true);
        } else {
            #[expect(unsafe_code, reason = "the pointer is the inner allocator's own, just made")]
            let size = unsafe { RustAllocator::usable_size(pointer) };
            self.0.grow(size + OVERHEAD);
        }
        pointer
    }
}

#[expect(
    unsafe_code,
    reason = "every pointer comes from and goes to the inner allocator unchanged; only counting is added"
)]
// SAFETY: delegates to `RustAllocator`, and returns null where it refuses, as the contract allows.
unsafe impl Allocator for Capped {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        if !self.0.admits(size, 0) {
            return std::ptr::null_mut();
        }
        let pointer = RustAllocator.alloc(size);
        self.book(pointer)
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let Some(total) = count.checked_mul(size).filter(|total| self.0.admits(*total, 0)) else {
            self.0.refused.set(true);
            return std::ptr::null_mut();
        };
        let pointer = RustAllocator.calloc(1, total);
        if total == 0 { pointer } else { self.book(pointer) }
    }

    unsafe fn dealloc(&mut self, ptr: *mut u8) {
        if ptr.is_null() {
            return;
        }
        // SAFETY: the caller promises that the pointer is ours.
        unsafe {
            self.0.shrink(RustAllocator::usable_size(ptr) + OVERHEAD);
            RustAllocator.dealloc(ptr);
        }
    }

    unsafe fn realloc(&mut self, ptr: *mut u8, new_size: usize) -> *mut u8 {
        if ptr.is_null() {
            return self.alloc(new_size);
        }
        // SAFETY: the caller promises that the pointer is ours.
        let old = unsafe { RustAllocator::usable_size(ptr) };
        if !self.0.admits(new_size, old) {
            return std::ptr::null_mut();
        }
        // SAFETY: as above.
        let moved = unsafe { RustAllocator.realloc(ptr, new_size) };
        if !moved.is_null() {
            self.0.shrink(old + OVERHEAD);
        }
        self.book(moved)
    }

    unsafe fn usable_size(ptr: *mut u8) -> usize {
        // SAFETY: the caller promises that the pointer is ours.
        unsafe { RustAllocator::usable_size(ptr) }
    }
}

//! The interpreter's memory: counted, capped, and remembering that it said no.
//!
//! `QuickJS` turns a refused allocation into an exception that code can catch, or loses it inside a promise
//! job; so whether a call met its limit is known here and nowhere else.

use std::cell::Cell;
use std::rc::Rc;

use rquickjs::allocator::{Allocator, RustAllocator};

use super::pages::{PAGE, Pages};

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
pub(super) struct Capped {
    memory: Rc<Memory>,
    pages: Pages,
}

impl Capped {
    /// One that counts there.
    pub(super) const fn new(memory: Rc<Memory>) -> Self {
        Self { memory, pages: Pages::new() }
    }

    /// Books what an allocation got, or that the system itself refused it.
    fn book(&self, pointer: *mut u8) -> *mut u8 {
        if pointer.is_null() {
            self.memory.refused.set(true);
        } else {
            self.memory.grow(usable(pointer) + OVERHEAD);
        }
        pointer
    }
}

#[expect(unsafe_code, reason = "every caller's pointer is one that this allocator gave")]
fn usable(pointer: *mut u8) -> usize {
    if Pages::own(pointer) {
        PAGE
    } else {
        // SAFETY: what is no page comes from there.
        unsafe { RustAllocator::usable_size(pointer) }
    }
}

#[expect(
    unsafe_code,
    reason = "every pointer comes from and goes to the allocator that made it; only counting is added"
)]
// SAFETY: delegates to `RustAllocator` and `Pages`, and returns null where it refuses, as the contract allows.
unsafe impl Allocator for Capped {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        if !self.memory.admits(size, 0) {
            return std::ptr::null_mut();
        }
        let pointer = if Pages::suit(size) { self.pages.take() } else { RustAllocator.alloc(size) };
        self.book(pointer)
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let Some(total) = count.checked_mul(size).filter(|total| self.memory.admits(*total, 0))
        else {
            self.memory.refused.set(true);
            return std::ptr::null_mut();
        };
        let pointer = RustAllocator.calloc(1, total);
        if total == 0 { pointer } else { self.book(pointer) }
    }

    unsafe fn dealloc(&mut self, ptr: *mut u8) {
        if ptr.is_null() {
            return;
        }
        self.memory.shrink(usable(ptr) + OVERHEAD);
        if Pages::own(ptr) {
            self.pages.give(ptr);
        } else {
            // SAFETY: the caller promises that the pointer is ours, and it is no page.
            unsafe { RustAllocator.dealloc(ptr) };
        }
    }

    unsafe fn realloc(&mut self, ptr: *mut u8, new_size: usize) -> *mut u8 {
        if ptr.is_null() {
            return self.alloc(new_size);
        }
        let old = usable(ptr);
        if Pages::own(ptr) {
            if Pages::suit(new_size) {
                return ptr;
            }
            let moved = self.alloc(new_size);
            if !moved.is_null() {
                // SAFETY: both are ours, apart, and as long as the shorter of the two.
                unsafe { ptr.copy_to_nonoverlapping(moved, old.min(new_size)) };
                // SAFETY: the caller promises that the pointer is ours.
                unsafe { self.dealloc(ptr) };
            }
            return moved;
        }
        if !self.memory.admits(new_size, old) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller promises that the pointer is ours, and it is no page.
        let moved = unsafe { RustAllocator.realloc(ptr, new_size) };
        if !moved.is_null() {
            self.memory.shrink(old + OVERHEAD);
        }
        self.book(moved)
    }

    unsafe fn usable_size(ptr: *mut u8) -> usize {
        usable(ptr)
    }
}

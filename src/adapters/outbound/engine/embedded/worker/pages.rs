//! Pages for the interpreter's small blocks.
//!
//! The interpreter cuts its small blocks from pieces of 4 KiB, each with its books at its beginning. Of the
//! system's allocator it would get them across two pages each, and a forked worker copies every page that it
//! is first to write to. Here each is one page.

use std::alloc::Layout;

/// A page of every system where workers are forked.
pub(super) const PAGE: usize = 4 << 10;

/// Requests from here to a whole page get a page: what the interpreter's pieces leave of one is less than a
/// block.
const LEAST: usize = PAGE - 512;

/// Pages taken from the system's allocator at once.
const BATCH: usize = 16;

/// Pages that are free or were never used.
#[derive(Debug)]
pub(super) struct Pages {
    batches: Vec<*mut u8>,
    /// The next page that was never used, of so many in a row.
    fresh: (*mut u8, usize),
    /// The page that was freed last; it holds where the one before it is.
    freed: *mut u8,
}

impl Pages {
    /// None yet.
    pub(super) const fn new() -> Self {
        Self { batches: Vec::new(), fresh: (std::ptr::null_mut(), 0), freed: std::ptr::null_mut() }
    }

    /// Whether a block of this size is to be a page.
    pub(super) const fn suit(size: usize) -> bool {
        // Elsewhere the system's own blocks might begin at a page too.
        cfg!(all(target_os = "linux", target_pointer_width = "64")) && size >= LEAST && size <= PAGE
    }

    /// Whether a block is a page. Other blocks have a header before them, and begin in the middle of one.
    pub(super) fn own(block: *mut u8) -> bool {
        Self::suit(PAGE) && block.addr().is_multiple_of(PAGE)
    }

    /// A page; null where there is no memory for one.
    #[expect(unsafe_code, reason = "hands out memory")]
    pub(super) fn take(&mut self) -> *mut u8 {
        if !self.freed.is_null() {
            let page = self.freed;
            // SAFETY: a page in this list is ours, and holds the pointer that `give` wrote.
            self.freed = unsafe { page.cast::<*mut u8>().read_unaligned() };
            return page;
        }
        if self.fresh.1 == 0 {
            // SAFETY: the layout's size is not zero.
            let batch = unsafe { std::alloc::alloc(Self::batch()) };
            if batch.is_null() {
                return batch;
            }
            self.batches.push(batch);
            self.fresh = (batch, BATCH);
        }
        let (page, left) = self.fresh;
        self.fresh = (page.wrapping_add(PAGE), left - 1);
        page
    }

    /// Takes a page back.
    #[expect(unsafe_code, reason = "writes to memory that nobody uses any more")]
    pub(super) fn give(&mut self, page: *mut u8) {
        // SAFETY: the page came from `take` and is free now.
        unsafe { page.cast::<*mut u8>().write_unaligned(self.freed) };
        self.freed = page;
    }

    const fn batch() -> Layout {
        match Layout::from_size_align(PAGE * BATCH, PAGE) {
            Ok(layout) => layout,
            Err(_) => Layout::new::<u8>(),
        }
    }
}

impl Drop for Pages {
    #[expect(unsafe_code, reason = "gives memory back")]
    fn drop(&mut self) {
        for batch in self.batches.drain(..) {
            // SAFETY: the interpreter, which alone had pages, has gone before its allocator.
            unsafe { std::alloc::dealloc(batch, Self::batch()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BATCH, Pages};

    #[test]
    fn pages_are_apart_and_used_again() {
        let mut pages = Pages::new();
        let mut taken: Vec<_> = (0..BATCH + 3).map(|_| pages.take()).collect();
        assert!(taken.iter().all(|page| Pages::own(*page)));
        pages.give(taken[1]);
        pages.give(taken[0]);
        assert_eq!([pages.take(), pages.take()], [taken[0], taken[1]]);
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(taken.len(), BATCH + 3);
    }
}

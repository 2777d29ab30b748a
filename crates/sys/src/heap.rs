//! A heap for programs that live for milliseconds: the C library's own begins with calls that
//! cost more than all that such a program asks of it.
//!
//! Blocks of like size are kept in lists; what is new comes off the end of a large piece of
//! zeroed memory, which is not given back. What is large is a mapping of its own.

use std::alloc::{GlobalAlloc, Layout};
use std::ptr::{self, NonNull, null_mut};
use std::sync::{Mutex, PoisonError};

use rustix::mm::{MapFlags, MremapFlags, ProtFlags, mmap_anonymous, mremap, munmap};

/// What every block is a multiple of, and aligned to.
const UNIT: usize = 16;

/// Up to here there is a list for each multiple of [`UNIT`], and then four for each doubling.
const FINE: usize = 1 << 10;

/// What is larger is a mapping of its own.
const LARGE: usize = 1 << 16;

const LISTS: usize = FINE / UNIT + 4 * (LARGE / FINE).ilog2() as usize;

/// What is asked of the kernel at once; pages that are not touched cost nothing.
const PIECE: usize = 1 << 20;

/// The heap: a program's `#[global_allocator]`.
#[derive(Debug)]
pub struct Heap(Mutex<State>);

#[derive(Debug)]
struct State {
    free: [*mut Free; LISTS],
    /// What is new: zeroed, and nobody's.
    next: *mut u8,
    left: usize,
}

/// The beginning of a block that is free.
#[derive(Debug)]
struct Free {
    next: *mut Free,
}

// SAFETY: whatever its pointers lead to belongs to it alone.
unsafe impl Send for State {}

/// Which list a size belongs to, and how large that one's blocks are.
const fn class(size: usize) -> (usize, usize) {
    if size <= FINE {
        let units = size.div_ceil(UNIT);
        return (units - 1, units * UNIT);
    }
    // A quarter of the power of two below it.
    let step = (size - 1).ilog2() - 2;
    let steps = size.div_ceil(1 << step);
    let doublings = (step + 2 - FINE.ilog2()) as usize;
    (FINE / UNIT + 4 * doublings + steps - 5, steps << step)
}

/// Whether it has a mapping of its own.
const fn is_mapped(layout: Layout) -> bool {
    layout.size() > LARGE || layout.align() > UNIT
}

impl Heap {
    /// One that has nothing yet.
    pub const fn new() -> Self {
        Self(Mutex::new(State { free: [null_mut(); LISTS], next: null_mut(), left: 0 }))
    }

    /// A block of this layout's class, and whether it is zeroed.
    fn take(&self, size: usize) -> (*mut u8, bool) {
        let (list, size) = class(size);
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(block) = NonNull::new(state.free[list]) {
            // SAFETY: what is in a list is a free block, which begins with the next one's place.
            state.free[list] = unsafe { block.as_ref().next };
            return (block.as_ptr().cast(), false);
        }
        if state.left < size {
            // What is left of the last piece is never used.
            let Some(piece) = map(PIECE) else { return (null_mut(), false) };
            (state.next, state.left) = (piece, PIECE);
        }
        let block = state.next;
        state.next = block.wrapping_add(size);
        state.left -= size;
        (block, true)
    }
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

/// Zeroed pages.
fn map(size: usize) -> Option<*mut u8> {
    let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
    // SAFETY: at a place of the kernel's choice, where nothing is.
    unsafe { mmap_anonymous(null_mut(), size, protection, flags) }.ok().map(<*mut _>::cast)
}

/// A mapping for a block; what is aligned to more than a page is not to be had.
fn map_block(layout: Layout) -> *mut u8 {
    if layout.align() > 4096 {
        return null_mut();
    }
    map(layout.size()).unwrap_or(null_mut())
}

// SAFETY: a block is of the size of its list or a mapping, aligned to 16 or to a page, and in
// nobody else's hands until it is given back.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_mapped(layout) { map_block(layout) } else { self.take(layout.size()).0 }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_mapped(layout) {
            return map_block(layout);
        }
        let (block, zeroed) = self.take(layout.size());
        if !zeroed && !block.is_null() {
            // SAFETY: the block is this long.
            unsafe { ptr::write_bytes(block, 0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if is_mapped(layout) {
            // SAFETY: the mapping is this block's alone.
            let _ = unsafe { munmap(block.cast(), layout.size()) };
            return;
        }
        let (list, _) = class(layout.size());
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let free = block.cast::<Free>();
        // SAFETY: the block is nobody's now, aligned, and not shorter than a unit.
        unsafe { free.write(Free { next: state.free[list] }) };
        state.free[list] = free;
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise; the alignment is one already.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (is_mapped(layout), is_mapped(new)) {
            (false, false) if class(layout.size()).1 == class(size).1 => return block,
            (true, true) => {
                // SAFETY: the mapping is this block's alone.
                let moved =
                    unsafe { mremap(block.cast(), layout.size(), size, MremapFlags::MAYMOVE) };
                return moved.map_or(null_mut(), <*mut _>::cast);
            }
            _ => {}
        }
        // SAFETY: as the caller's of these two; the blocks are different ones, and each is at least
        // so long.
        unsafe {
            let to = self.alloc(new);
            if !to.is_null() {
                ptr::copy_nonoverlapping(block, to, layout.size().min(size));
                self.dealloc(block, layout);
            }
            to
        }
    }
}

#[cfg(test)]
mod tests;

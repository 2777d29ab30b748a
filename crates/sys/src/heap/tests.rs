use super::*;

#[test]
fn every_size_has_a_list_whose_blocks_hold_it() {
    let mut before = (0, UNIT);
    for size in 1..=LARGE {
        let (list, block) = class(size);
        assert!(block >= size && block % UNIT == 0 && list < LISTS, "{size}: {list}, {block}");
        // A quarter is wasted at most, beyond a unit.
        assert!(block < size + UNIT.max(size.div_ceil(4)), "{size}: {block}");
        assert!((list, block) == before || (list == before.0 + 1 && block > before.1), "{size}");
        before = (list, block);
    }
    assert_eq!(before, (LISTS - 1, LARGE));
}

/// A block whose every byte is `mark`.
struct Block(*mut u8, Layout, u8);

impl Block {
    fn new(heap: &Heap, size: usize, align: usize, zeroed: bool, mark: u8) -> Self {
        let layout = Layout::from_size_align(size, align).unwrap();
        // SAFETY: the size is not 0.
        let block = unsafe { if zeroed { heap.alloc_zeroed(layout) } else { heap.alloc(layout) } };
        assert!(!block.is_null() && block.addr() % align == 0);
        let one = Self(block, layout, if zeroed { 0 } else { mark });
        if zeroed {
            one.check(size);
        }
        Self(block, layout, mark).marked(0)
    }

    /// From `from` on.
    fn marked(self, from: usize) -> Self {
        // SAFETY: the block is this long.
        unsafe { ptr::write_bytes(self.0.add(from), self.2, self.1.size() - from) };
        self
    }

    fn check(&self, length: usize) {
        // SAFETY: the block is this long, and was written.
        let bytes = unsafe { std::slice::from_raw_parts(self.0, length) };
        assert!(bytes.iter().all(|byte| *byte == self.2));
    }

    fn resize(self, heap: &Heap, size: usize) -> Self {
        self.check(self.1.size());
        // SAFETY: it is a block of this heap's and layout, and the size is not 0.
        let block = unsafe { heap.realloc(self.0, self.1, size) };
        let layout = Layout::from_size_align(size, self.1.align()).unwrap();
        assert!(!block.is_null() && block.addr() % layout.align() == 0);
        let kept = self.1.size().min(size);
        let resized = Self(block, layout, self.2);
        resized.check(kept);
        resized.marked(kept)
    }

    fn free(self, heap: &Heap) {
        self.check(self.1.size());
        // SAFETY: it is a block of this heap's and layout.
        unsafe { heap.dealloc(self.0, self.1) };
    }
}

/// No block is ever another's: each keeps its bytes, whatever happens around it.
fn churn(heap: &Heap, mut seed: u64) {
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let mut blocks = Vec::new();
    for round in 0..4_000 {
        let limit = [64, 1500, 20_000, 200_000][random(4)];
        let size = 1 + random(limit);
        match random(5) {
            0 | 1 => {
                let align = [1, 8, 16, 64, 4096][random(5)];
                blocks.push(Block::new(heap, size, align, random(3) == 0, round as u8));
            }
            2 if !blocks.is_empty() => {
                let block: Block = blocks.swap_remove(random(blocks.len()));
                blocks.push(block.resize(heap, size));
            }
            _ if !blocks.is_empty() => blocks.swap_remove(random(blocks.len())).free(heap),
            _ => {}
        }
    }
    blocks.into_iter().for_each(|block| block.free(heap));
}

#[test]
fn blocks_are_nobody_elses_in_many_threads() {
    let heap = Heap::new();
    std::thread::scope(|scope| {
        for seed in 1..=4 {
            let heap = &heap;
            scope.spawn(move || churn(heap, seed));
        }
    });
}

#[test]
fn what_is_given_back_is_used_again() {
    let heap = Heap::new();
    for round in 0..2_000_u32 {
        let block = Block::new(&heap, 40_000, 8, true, round as u8);
        block.free(&heap);
    }
    // In one piece.
    assert!(heap.0.lock().unwrap().left >= PIECE - 2 * 40_960);
}

#[test]
fn what_cannot_be_had_is_null() {
    let heap = Heap::new();
    let layout = Layout::from_size_align(1 << 46, 1).unwrap();
    // SAFETY: the size is not 0.
    assert!(unsafe { heap.alloc(layout) }.is_null());
}

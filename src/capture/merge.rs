//! Several captures as one: frames in the order of their times.

use std::io::Read;

use super::container::{Container, Item, Kind};
use super::{Error, Limits, Origin};

/// One or more containers, read side by side.
pub(super) struct Merge<R> {
    /// Never empty.
    inputs: Vec<Ahead<R>>,
    /// Whose item was given last.
    current: usize,
    /// What ended some of them early, first come first.
    errors: Vec<Error>,
}

/// A container whose next frame may have been looked at.
struct Ahead<R> {
    container: Container<R>,
    next: Option<Item>,
    ended: bool,
    /// Nanoseconds to add to its times.
    shift: i64,
}

impl<R: Read> Merge<R> {
    pub(super) fn new(input: R, limits: &Limits) -> Result<Self, Error> {
        let mut merge = Self { inputs: Vec::new(), current: 0, errors: Vec::new() };
        merge.add(input, 0, limits)?;
        Ok(merge)
    }

    /// Adds an input, before anything is read.
    pub(super) fn add(&mut self, input: R, shift: i64, limits: &Limits) -> Result<(), Error> {
        let file = u16::try_from(self.inputs.len()).unwrap_or(u16::MAX);
        let mut container = Container::new(input, limits)?;
        container.buffer.file = file;
        self.inputs.push(Ahead { container, next: None, ended: false, shift });
        Ok(())
    }

    /// The next item; `None` at the end. The error of an only input comes at once, and `None` after it; those of
    /// several are kept until [`Self::errors`].
    #[inline(always)]
    pub(super) fn next(&mut self) -> Result<Option<Item>, Error> {
        match &mut *self.inputs {
            [only] => only.container.next(),
            _ => Ok(self.next_of_several()),
        }
    }

    #[cold]
    fn next_of_several(&mut self) -> Option<Item> {
        let mut earliest = None;
        for (number, input) in self.inputs.iter_mut().enumerate() {
            if input.next.is_none() && !input.ended {
                match input.container.next_apart() {
                    Ok(Some(item)) if item.kind == Kind::Frame => {
                        let at = item.at.later(input.shift);
                        input.next = Some(Item { at, ..item });
                    }
                    // What has no time comes as soon as it is met.
                    Ok(Some(item)) => {
                        self.current = number;
                        return Some(item);
                    }
                    Ok(None) => input.ended = true,
                    Err(error) => {
                        input.ended = true;
                        self.errors.push(error);
                    }
                }
            }
            if let Some(item) = &input.next
                && earliest.is_none_or(|(at, _)| item.at < at)
            {
                earliest = Some((item.at, number));
            }
        }
        let (_, number) = earliest?;
        self.current = number;
        self.inputs.get_mut(number)?.next.take()
    }

    /// What ended inputs early, of several.
    pub(super) fn errors(&mut self) -> Vec<Error> {
        std::mem::take(&mut self.errors)
    }

    /// Whether the next item is there, without reading more; false when in doubt.
    #[inline]
    pub(super) fn is_ready(&self) -> bool {
        self.inputs.iter().all(|it| it.next.is_some() || it.ended || it.container.is_ready())
    }

    /// The data of the item given last.
    #[inline]
    pub(super) fn data(&self, item: &Item) -> &[u8] {
        self.inputs.get(self.current).map_or(&[], |input| input.container.data(item.data))
    }

    /// Counts the frame given last and says where it is.
    #[inline]
    pub(super) fn count_frame(&mut self, item: &Item) -> Origin {
        let input = self.inputs.get_mut(self.current);
        input.map_or_else(Origin::default, |input| input.container.count_frame(item.data))
    }

    /// Frames counted, of all.
    pub(super) fn frames(&self) -> u64 {
        self.inputs.iter().map(|input| input.container.frames()).sum()
    }
}

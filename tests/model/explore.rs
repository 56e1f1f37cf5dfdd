//! Exploring with stateright, up to a number of states.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use stateright::{Checker, Model, Property};

/// States, what can happen in each, and what must not come of it.
pub(crate) trait Explored: Send + Sync + 'static {
    type State: Clone + Debug + Eq + Hash + Send + Sync;
    type Action: Clone + Debug + PartialEq + Send + Sync;

    fn start(&self) -> Self::State;

    /// What can happen in a state with which nothing is wrong.
    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>);

    fn next(&self, state: &Self::State, action: Self::Action) -> Self::State;

    /// Steps after which a path is not followed, where paths do not end by themselves: what waits
    /// to be explored grows with the length of a path.
    fn deepest(&self) -> usize {
        DEEPEST
    }

    /// What is wrong with a state.
    fn wrong(&self, state: &Self::State) -> Option<String>;
}

struct Stoppable<E> {
    explored: Arc<E>,
    stop: Arc<AtomicBool>,
}

impl<E: Explored> Model for Stoppable<E> {
    type State = E::State;
    type Action = E::Action;

    fn init_states(&self) -> Vec<E::State> {
        vec![self.explored.start()]
    }

    fn actions(&self, state: &E::State, actions: &mut Vec<E::Action>) {
        if !self.stop.load(Ordering::Relaxed) && self.explored.wrong(state).is_none() {
            self.explored.actions(state, actions);
        }
    }

    fn next_state(&self, state: &E::State, action: E::Action) -> Option<E::State> {
        Some(self.explored.next(state, action))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("nothing is wrong", |model: &Self, state: &E::State| {
            model.explored.wrong(state).is_none()
        })]
    }
}

/// Steps of a path, unless an instance says otherwise.
const DEEPEST: usize = 1500;

/// Unique states in which something planted is to be found.
const PLANTED: usize = 30_000;

/// Unique states that are enough.
fn enough() -> usize {
    let given = std::env::var("TOXSCOPE_MODEL_STATES").ok().and_then(|text| text.parse().ok());
    given.unwrap_or(3_000)
}

/// Explores until enough unique states are found, or all of them; what is wrong, if anything, with
/// the way to it.
fn explore<E: Explored>(name: &str, explored: E, enough: usize) -> Option<String> {
    let began = Instant::now();
    let explored = Arc::new(explored);
    let stop = Arc::new(AtomicBool::new(false));
    let model = Stoppable { explored: Arc::clone(&explored), stop: Arc::clone(&stop) };
    let mut checker = model.checker().target_max_depth(explored.deepest()).spawn_dfs();
    let handles = checker.handles();
    while !handles.iter().all(thread::JoinHandle::is_finished) {
        thread::sleep(Duration::from_millis(2));
        if checker.unique_state_count() >= enough {
            // Nothing new is looked for in the states that are left.
            stop.store(true, Ordering::Relaxed);
        }
    }
    handles.into_iter().for_each(|handle| handle.join().expect("a step panicked"));
    let stopped = stop.swap(false, Ordering::Relaxed);
    let all = !stopped && checker.max_depth() < explored.deepest();
    let found = checker.discoveries().into_values().next().map(|path| {
        let state = path.last_state().clone();
        let wrong = explored.wrong(&state).unwrap_or_default();
        format!("{wrong}, after {:?}:\n{state:?}", path.into_actions())
    });
    eprintln!(
        "{name}: {} unique states, depth {}, {}, {:.1} s",
        checker.unique_state_count(),
        checker.max_depth(),
        if found.is_some() {
            "and a counterexample"
        } else if all {
            "all there are"
        } else {
            "and more"
        },
        began.elapsed().as_secs_f64()
    );
    found
}

/// Nothing is wrong wherever the exploration gets.
pub(crate) fn holds<E: Explored>(name: &str, explored: E) {
    if let Some(found) = explore(name, explored, enough()) {
        panic!("{name}: {found}");
    }
}

/// What was planted is found, and says so.
pub(crate) fn is_found<E: Explored>(name: &str, explored: E, says: &str) {
    let found = explore(name, explored, enough().max(PLANTED));
    assert!(found.as_ref().is_some_and(|found| found.contains(says)), "{name}: {found:?}");
}

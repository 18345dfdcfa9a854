//! The pace of requests: a token bucket as a layer of the HTTP stack. IO: waits.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tower::{Layer, Service};

/// When the next requests may start. Each request takes the earliest free slot.
#[derive(Debug)]
struct Bucket {
    /// Time between two requests, once the burst is used up.
    interval: Duration,
    /// How far behind `now` the next slot may lie.
    burst: Duration,
    next: Instant,
}

impl Bucket {
    /// Takes a slot and returns how long to wait for it.
    fn take(&mut self, now: Instant) -> Duration {
        let earliest = now.checked_sub(self.burst).unwrap_or(now);
        let slot = self.next.max(earliest);
        self.next = slot + self.interval;
        slot.saturating_duration_since(now)
    }
}

/// A limit on requests per second, none unless asked for.
#[derive(Debug, Clone)]
pub(crate) struct Pace(Option<Arc<Mutex<Bucket>>>);

impl Pace {
    /// At most `qps` requests a second on average, and `burst` at once. No limit when `qps` is none.
    pub(crate) fn new(qps: Option<f32>, burst: u32) -> Self {
        let Some(qps) = qps.filter(|qps| *qps > 0.0) else { return Self(None) };
        let interval = Duration::from_secs_f32(1.0 / qps);
        let burst = interval * burst.max(1).saturating_sub(1);
        Self(Some(Arc::new(Mutex::new(Bucket { interval, burst, next: Instant::now() - burst }))))
    }

    fn take(&self) -> Duration {
        self.0.as_ref().map_or(Duration::ZERO, |bucket| {
            bucket.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now())
        })
    }
}

impl<S> Layer<S> for Pace {
    type Service = Paced<S>;

    fn layer(&self, inner: S) -> Paced<S> {
        Paced { pace: self.clone(), inner }
    }
}

/// A service whose requests wait for their slot.
#[derive(Debug, Clone)]
pub(crate) struct Paced<S> {
    pace: Pace,
    inner: S,
}

impl<S, R> Service<R> for Paced<S>
where
    S: Service<R> + Clone + Send + 'static,
    S::Future: Send,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let wait = self.pace.take();
        if wait.is_zero() {
            return self.inner.call(request).boxed();
        }
        let waiting = self.inner.clone();
        // The service that was made ready is the one to call; its clone takes its place.
        let mut ready = std::mem::replace(&mut self.inner, waiting);
        async move {
            tokio::time::sleep(wait).await;
            ready.call(request).await
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_pace() {
        let now = Instant::now();
        let interval = Duration::from_millis(100);
        let mut bucket = Bucket { interval, burst: interval * 2, next: now - interval * 2 };
        let waits: Vec<_> = (0..6).map(|_| bucket.take(now).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 100, 200, 300]);
        assert_eq!(bucket.take(now + Duration::from_secs(9)).as_millis(), 0);
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let pace = Pace::new(None, 0);
        assert!((0..1000).all(|_| pace.take().is_zero()));
    }
}

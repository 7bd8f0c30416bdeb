//! What is tried again. The SDK's standard mode does the rest: pauses with full jitter, a
//! bounded number of attempts, and a budget that runs dry when everything fails.

use aws_config::retry::RetryConfig;
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;

use super::{ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE};

pub(super) fn config() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(LONGEST_PAUSE)
}

/// Answers that the SDK takes for final: 409, which S3 gives when two conditional writes meet
/// and neither has been decided, and 429, which other stores give for too many requests.
#[derive(Debug)]
pub(super) struct Undecided;

impl ClassifyRetry for Undecided {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response().map(|response| response.status().as_u16()) {
            Some(409) => RetryAction::transient_error(),
            Some(429) => RetryAction::throttling_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "undecided"
    }
}

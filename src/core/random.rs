//! The one source of randomness: the operating system's generator.

use rand::TryRng;
use rand::rngs::SysRng;

/// Fills `out` from the operating system's generator.
///
/// # Panics
/// If the operating system has no randomness to give. There is nothing safe to do then: every
/// caller is about to make a key or a nonce.
pub fn fill(out: &mut [u8]) {
    SysRng.try_fill_bytes(out).expect("the operating system's random generator failed");
}

/// `N` random bytes, for nonces, salts and ids. Keys use [`key`].
pub fn array<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    fill(&mut out);
    out
}

/// A random 256-bit key.
pub fn key() -> super::secret::Key {
    super::secret::Key::fill_with(|k| fill(k))
}

/// A uniformly distributed number below `bound`, by rejection so that no value is favoured.
pub fn below(bound: u32) -> u32 {
    assert!(bound > 0);
    let zone = u32::MAX - u32::MAX % bound;
    loop {
        let n = u32::from_be_bytes(array());
        if n < zone {
            return n % bound;
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn below_covers_the_range_and_stays_in_it() {
        let mut seen = [0u32; 6];
        for _ in 0..6000 {
            seen[super::below(6) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| n > 700 && n < 1300), "{seen:?}");
    }

    #[test]
    fn two_draws_differ() {
        assert_ne!(super::array::<32>(), super::array::<32>());
    }
}

//! Sizes as people write and read them: `200G`, `1.5GiB`, `500 MB`, `4096`.
//!
//! As coreutils have it: a bare letter and `…iB` count in powers of 1024, `…B` in powers of 1000.

/// Why a size was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no size: write a number and a unit, such as 200G, 1.5GiB or 500MB")]
pub struct SizeError {
    text: String,
}

const UNITS: [char; 6] = ['K', 'M', 'G', 'T', 'P', 'E'];

/// Reads a size, in bytes.
///
/// ```
/// assert_eq!(cachecore::size::parse("2G"), Ok(2 << 30));
/// assert_eq!(cachecore::size::parse("2GB"), Ok(2_000_000_000));
/// ```
///
/// # Errors
/// [`SizeError`] if it is none, or more than fits into 64 bits.
pub fn parse(text: &str) -> Result<u64, SizeError> {
    bytes(text.trim()).ok_or_else(|| SizeError {
        text: text.chars().take(40).collect(),
    })
}

fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let factor = factor(unit.trim_start())?;
    let whole = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    // More digits than these make no difference that a byte could show.
    let fraction = fraction.get(..fraction.len().min(9))?;
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(factor) / scale;
    whole.checked_add(u64::try_from(part).ok()?)
}

fn factor(unit: &str) -> Option<u64> {
    let unit = unit.to_ascii_uppercase();
    let mut rest = unit.chars();
    let Some(first) = rest.next() else {
        return Some(1);
    };
    if unit == "B" {
        return Some(1);
    }
    let power = UNITS.iter().position(|unit| *unit == first)? + 1;
    let base: u64 = match rest.as_str() {
        "" | "IB" => 1024,
        "B" => 1000,
        _ => return None,
    };
    base.checked_pow(u32::try_from(power).ok()?)
}

/// Bytes as a person reads them: `8.7 GB`, in powers of ten as Docker shows them.
pub fn show(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 || value >= 99.95 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_at_most() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (8_700_000_000, "8.7 GB"),
            (123_456_789, "123 MB"),
            (999_999, "1.0 MB"),
        ] {
            assert_eq!(show(bytes), text);
        }
    }

    #[test]
    fn sizes_are_read_as_coreutils_read_them() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("12B", 12),
            ("1k", 1024),
            ("1kB", 1000),
            ("1KiB", 1024),
            ("200G", 200 << 30),
            ("200 GB", 200_000_000_000),
            ("1.5GiB", 3 << 29),
            ("0.5T", 1 << 39),
            (" 3MB ", 3_000_000),
            ("2.123456789012345k", 2174),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in [
            "", "G", "-1G", "1X", "1GG", "1GiBs", "1..5G", "1.G", ".5G", "1e3", "16E", "20000P",
            "ä",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.to_string().contains("200G"), "{text}: {error}");
        }
    }
}

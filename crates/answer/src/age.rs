use std::time::Duration;

use jiff::Timestamp;

/// How long ago something was: `2h ago`.
pub fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second()).max(0);
    match seconds {
        0..=4 => "just now".to_owned(),
        5..=119 => format!("{seconds}s ago"),
        120..=7199 => format!("{} min ago", seconds / 60),
        7200..=172_799 => format!("{}h ago", seconds / 3600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

/// How long something took: `8 ms`, `3.2 s`, `4m 10s`.
pub fn duration(time: Duration) -> String {
    let ms = time.as_millis();
    match ms {
        0..=999 => format!("{ms} ms"),
        1000..=119_999 => format!("{:.1} s", time.as_secs_f64()),
        _ => format!("{}m {}s", ms / 60_000, ms / 1000 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_durations_are_short() {
        let at = |s| Timestamp::from_second(s).unwrap();
        assert_eq!(age(at(0), at(90)), "90s ago");
        assert_eq!(age(at(0), at(180)), "3 min ago");
        assert_eq!(age(at(0), at(7200)), "2h ago");
        assert_eq!(age(at(10), at(0)), "just now");
        assert_eq!(duration(Duration::from_millis(12)), "12 ms");
        assert_eq!(duration(Duration::from_millis(3210)), "3.2 s");
        assert_eq!(duration(Duration::from_secs(250)), "4m 10s");
    }
}

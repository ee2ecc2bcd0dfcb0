//! Middle and spread of a figure over the rounds.

use serde::Serialize;

/// One figure over the rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spread {
    /// The middle value; of an even number the mean of the two in the middle.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
    /// One per round, in their order.
    pub rounds: Vec<f64>,
}

impl Spread {
    /// Of at least one value; values that are no number are left out.
    #[must_use]
    pub fn of(rounds: &[f64]) -> Option<Self> {
        let rounds: Vec<f64> = rounds.iter().copied().filter(|value| value.is_finite()).collect();
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let upper = *sorted.get(sorted.len() / 2)?;
        let lower = *sorted.get((sorted.len() - 1) / 2)?;
        Some(Self { median: f64::midpoint(lower, upper), least, most, rounds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn middles() {
        let cases: [(&[f64], f64, f64, f64); 4] = [
            (&[3.0], 3.0, 3.0, 3.0),
            (&[9.0, 1.0, 5.0], 5.0, 1.0, 9.0),
            (&[4.0, 1.0, 2.0, 9.0], 3.0, 1.0, 9.0),
            (&[2.0, f64::NAN, 4.0], 3.0, 2.0, 4.0),
        ];
        for (values, median, least, most) in cases {
            let spread = Spread::of(values).unwrap();
            assert_eq!((spread.median, spread.least, spread.most), (median, least, most));
        }
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[f64::INFINITY]), None);
    }
}

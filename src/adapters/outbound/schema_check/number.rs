//! Exact arithmetic on JSON numbers: comparison and divisibility as the text of the numbers says, so that
//! 1 equals 1.0, 19.99 is a multiple of 0.01, and 2^53 + 1 is not 2^53.

use std::cmp::Ordering;

use serde_json::Number;

/// A JSON number whose integers are exact.
#[derive(Debug, Clone, Copy)]
pub(super) enum Exact {
    /// Any number without a fraction below 2^100 or so.
    Int(i128),
    /// The others, never with a value that `Int` could hold.
    Float(f64),
}

/// Beyond this, a float's neighbours are integers and none of them fits 64 bits.
const INT_LIMIT: f64 = 1e30;

impl Exact {
    pub(super) fn new(number: &Number) -> Self {
        if let Some(int) = number.as_i64() {
            return Self::Int(int.into());
        }
        if let Some(int) = number.as_u64() {
            return Self::Int(int.into());
        }
        let float = number.as_f64().unwrap_or(f64::NAN);
        if float.fract() == 0.0 && float.abs() < INT_LIMIT {
            Self::Int(truncate(float))
        } else {
            Self::Float(float)
        }
    }

    pub(super) const fn is_int(self) -> bool {
        match self {
            Self::Int(_) => true,
            Self::Float(float) => float.abs() >= INT_LIMIT,
        }
    }

    pub(super) fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(&b),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (Self::Int(int), Self::Float(float)) => int_to_float(int, float),
            (Self::Float(float), Self::Int(int)) => int_to_float(int, float).reverse(),
        }
    }
}

/// Never `Equal`: a `Float` is no integer, or one beyond every `Int`.
fn int_to_float(int: i128, float: f64) -> Ordering {
    if float.abs() >= INT_LIMIT {
        if float > 0.0 { Ordering::Less } else { Ordering::Greater }
    } else if int <= truncate(float.floor()) {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the caller has no fraction and is in range")]
const fn truncate(float: f64) -> i128 {
    float as i128
}

/// A number as its text has it: `digits * 10^exponent`, the sign left out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decimal {
    digits: u128,
    exponent: i32,
}

impl Decimal {
    /// `None` for a number with more digits than any JSON number of 64 bits has.
    pub(super) fn new(number: &Number) -> Option<Self> {
        let text = number.to_string();
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
        let mantissa = mantissa.trim_start_matches('-');
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let shift = i32::try_from(fraction.len()).ok()?;
        let mut decimal =
            Self { digits: digits.parse().ok()?, exponent: exponent.parse::<i32>().ok()? - shift };
        while decimal.digits != 0 && decimal.digits.is_multiple_of(10) {
            decimal.digits /= 10;
            decimal.exponent += 1;
        }
        Some(decimal)
    }

    /// Whether this is an integral number of times `unit`.
    pub(super) fn is_multiple_of(self, unit: Self) -> bool {
        if self.digits == 0 {
            return true;
        }
        match self.exponent.checked_sub(unit.exponent) {
            Some(up) if up >= 0 => {
                // digits * 10^up mod unit.digits; both factors stay below 10^20.
                let modulus = unit.digits;
                let mut rest = self.digits % modulus;
                for _ in 0..up {
                    rest = rest * 10 % modulus;
                    if rest == 0 {
                        break;
                    }
                }
                rest == 0
            }
            // Its last digit is not 0, as that of any multiple of unit would be.
            Some(_) | None => false,
        }
    }
}

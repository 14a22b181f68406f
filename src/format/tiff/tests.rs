//! Header bytes.

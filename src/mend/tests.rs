//! Mends as bytes, and sums against slow ones.

use super::*;

fn sums() -> FitsSums {
    FitsSums {
        hdu: 2,
        header: 2880..8640,
        data: 8640..8700,
        datasum_at: Some(2890),
        checksum_at: Some(2970),
    }
}

#[test]
fn mends_read_back() {
    let mends = vec![
        Mend::Bytes {
            at: 76,
            bytes: vec![1, 2, 3, 4],
        },
        Mend::FitsSums(sums()),
        Mend::FitsSums(FitsSums {
            datasum_at: None,
            ..sums()
        }),
        Mend::Bytes {
            at: u64::MAX,
            bytes: Vec::new(),
        },
    ];
    let bytes: Vec<u8> = mends.iter().flat_map(Mend::to_bytes).collect();
    assert_eq!(Mend::from_bytes(&bytes).as_ref(), Some(&mends));
    assert_eq!(Mend::from_bytes(&[]), Some(Vec::new()));
    let ends: Vec<u64> = mends.iter().map(Mend::end).collect();
    assert_eq!(ends, [80, 8700, 8700, u64::MAX]);
    for length in 1..bytes.len() {
        let is_whole = [15, 64, 113].contains(&length);
        assert_eq!(Mend::from_bytes(&bytes[..length]).is_some(), is_whole, "{length}");
    }
    assert_eq!(Mend::from_bytes(&[&[3], &bytes[1..]].concat()), None);
    for (index, wrong) in [(1, 8641), (2, 2964), (3, 8600), (4, 2879), (5, 8630), (5, 2900)] {
        let mut numbers = sums().to_numbers();
        numbers[index] = wrong;
        assert_eq!(FitsSums::from_numbers(numbers), None, "{index} {wrong}");
    }
}

#[test]
fn sums_of_one_hdu_exclude_each_other() {
    let other = FitsSums {
        header: 5760..8640,
        datasum_at: Some(5770),
        checksum_at: Some(5850),
        ..sums()
    };
    let bytes = Mend::Bytes { at: 76, bytes: vec![1] };
    assert!(Mend::FitsSums(sums()).excludes(&Mend::FitsSums(sums())));
    assert!(!Mend::FitsSums(sums()).excludes(&Mend::FitsSums(other)));
    assert!(!bytes.excludes(&bytes) && !bytes.excludes(&Mend::FitsSums(sums())));
}

/// Word by word, with every carry at once.
fn slow_sum(bytes: &[u8]) -> u32 {
    let words = bytes.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
    words.fold(0, |sum: u32, word| {
        let (sum, carries) = sum.overflowing_add(word);
        sum + u32::from(carries)
    })
}

#[test]
fn a_sum_is_the_same_in_any_pieces() {
    let bytes: Vec<u8> = (0..9999_u32).map(|i| (i * 251 % 256).to_le_bytes()[0] | 0x80).collect();
    for length in [0, 1, 2, 3, 4, 5, 7, 2880, 9997, 9999] {
        let mut padded = bytes[..length].to_vec();
        padded.resize(length.next_multiple_of(4), 0);
        for piece in [1, 3, 4, 8, 1000, 10_000] {
            let mut sum = Sum::default();
            bytes[..length].chunks(piece).for_each(|piece| sum.add(piece));
            assert_eq!(sum.total(), slow_sum(&padded), "{length} in {piece}");
        }
    }
    let mut ones = Sum::default();
    ones.add(&[0xFF; 8]);
    assert_eq!(ones.total(), u32::MAX);
}

#[test]
fn a_header_that_is_mended_sums_to_nothing() {
    let mut header = vec![b' '; 5760];
    for (at, card) in [
        (0, "XTENSION= 'IMAGE   '"),
        (80, "CHECKSUM= 'abcdabcdabcdabcd'   / of the HDU"),
        (160, "DATASUM = '7       '           / of the data"),
        (5680, "END"),
    ] {
        header[at..at + card.len()].copy_from_slice(card.as_bytes());
    }
    let sums = FitsSums {
        hdu: 1,
        header: 0..5760,
        data: 5760..5800,
        datasum_at: Some(170),
        checksum_at: Some(90),
    };
    for datasum in [0, 7, 1_234_567_890, u32::MAX] {
        let writes = sums.writes(&mut header, datasum);
        assert_eq!(
            writes.iter().map(|(at, bytes)| (*at, bytes.len())).collect::<Vec<_>>(),
            [(170, 12), (90, 18)]
        );
        assert_eq!(sums.fault(&header, datasum), None);
        // Done twice, it is the same.
        let first = header.clone();
        assert_eq!(sums.writes(&mut header, datasum), writes);
        assert_eq!(header, first);
        let mut all = Sum::default();
        all.add(&header);
        all.add(&datasum.to_be_bytes());
        assert_eq!(all.total(), u32::MAX);
        assert!(header[160..].starts_with(format!("DATASUM = '{:<8}'", datasum.to_string()).as_bytes()));
        assert!(header[182..191].iter().all(|&byte| byte == b' '));
        assert!(
            sums.fault(&header, datasum ^ 4)
                .expect("wrong")
                .contains("DATASUM of HDU 1")
        );
        let mut damaged = header.clone();
        damaged[3000] = b'x';
        assert!(
            sums.fault(&damaged, datasum)
                .expect("wrong")
                .contains("CHECKSUM of HDU 1")
        );
    }
}

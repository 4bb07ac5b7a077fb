//! L: prices. They are exact, grow with the job, come out the same whatever the order, and no bytes lead the judge astray.

use std::thread;

use job_model::{
    Decimal, Gigapixels, JobRequest, JobType, Line, Megapoints, OutputFormat, Policy, Profile, Quality,
    Quote, RateCard, Workload,
};

use crate::scene::{Dice, Scene, Tally};
use crate::support::{JOB, post};

fn workload(gigapixels: Decimal, megapoints: Decimal) -> Option<Workload> {
    Some(Workload {
        job_type: JobType::Full,
        quality: Quality::Extra,
        outputs: [OutputFormat::Obj].into_iter().collect(),
        gigapixels: Some(Gigapixels::new(gigapixels)?),
        megapoints: Some(Megapoints::new(megapoints)?),
    })
}

fn any_decimal(dice: &mut Dice) -> Decimal {
    let length = u32::try_from(dice.below(12)).unwrap();
    let digits = dice.below(10_usize.pow(1 + length));
    Decimal::new(i64::try_from(digits).unwrap(), u32::try_from(dice.below(10)).unwrap())
}

/// Amount and lines, where there is a price.
fn priced(card: &RateCard, workload: &Workload) -> Option<(Decimal, Decimal)> {
    match card.price(workload) {
        Quote::Priced(estimate) => {
            Some((estimate.amount().to_decimal(), estimate.lines().iter().map(Line::amount).sum()))
        }
        Quote::Unpriced(_) => None,
    }
}

#[test]
fn l1_sizes_at_and_beyond_the_ends() {
    let mut scene = Scene::new("l1", "pricing.rate_card = 'builtin:illustrative'");
    for size in
        ["-1", "-0.1", "-0", "-0.0", "1e30", "1e25", "99999999999999999999", "NaN", "Infinity", "1e400"]
    {
        scene.deny(&post(&JOB.replace("2.1", size)), 422);
        scene.deny(&post(&JOB.replace("1.5", size)), 422);
    }
    // However small, it is counted.
    for size in ["1e-25", "0.00000000000000000000000000001"] {
        let end = scene.try_bytes(&post(&JOB.replace("2.1", size).replace("1.5", "0")));
        let price = end.replies[0].header("x-jobgate-estimate");
        scene
            .tally
            .survived(end.statuses() == [201] && price == Some("0.5 unit"), || format!("{size}: {end:?}"));
    }
    let card = RateCard::illustrative();
    for text in
        ["1000000", "999999.999999999", "0.000000001", "0", "1000001", "79228162514264337593543950335"]
    {
        // A size is either beyond the bound, or its price is exact: nothing wraps, and nothing is cut off.
        let size: Decimal = text.parse().unwrap();
        let fine = workload(size, size).is_none_or(|job| {
            priced(&card, &job).is_none_or(|(amount, sum)| amount == sum && amount >= Decimal::ZERO)
        });
        scene.tally.survived(fine, || text.to_owned());
    }
    scene.finish();
}

#[test]
fn l2_lines_add_up_and_a_size_costs_something() {
    let mut tally = Tally::new("l2");
    let (card, mut dice) = (RateCard::illustrative(), Dice::new(0x11e5));
    for _ in 0..5_000 {
        let (one, other) = (any_decimal(&mut dice), any_decimal(&mut dice));
        let Some(job) = workload(one, other) else { continue };
        let price = priced(&card, &job);
        let free = one.is_zero() && other.is_zero();
        let fine = price.is_none_or(|(amount, sum)| amount == sum && (free || amount > Decimal::ZERO));
        tally.survived(fine, || format!("{one} {other}: {price:?}"));
    }
    tally.finish();
}

#[test]
fn l3_more_never_costs_less() {
    let mut tally = Tally::new("l3");
    let (card, mut dice) = (RateCard::illustrative(), Dice::new(0x1a26e));
    for _ in 0..5_000 {
        let (one, other, more) = (any_decimal(&mut dice), any_decimal(&mut dice), any_decimal(&mut dice));
        let jobs = [workload(one, other), workload(one + more, other), workload(one, other + more)];
        let [Some(less), Some(first), Some(second)] = jobs else { continue };
        let Some((price, _)) = priced(&card, &less) else { continue };
        let grows = |job: &Workload| priced(&card, job).is_none_or(|(larger, _)| larger >= price);
        tally.survived(grows(&first) && grows(&second), || format!("{one} {other} + {more}"));
    }
    tally.finish();
}

#[test]
fn l4_order_and_threads() {
    let mut tally = Tally::new("l4");
    let whole: serde_json::Value = serde_json::from_str(JOB).unwrap();
    let members: Vec<String> =
        whole.as_object().unwrap().iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    let estimate = |body: &str| {
        let accepted = JobRequest::from_json(body.as_bytes(), &Policy::default()).unwrap();
        match RateCard::illustrative().price(&accepted.into_value().unwrap().workload()) {
            Quote::Priced(estimate) => estimate.to_json().to_string(),
            Quote::Unpriced(reason) => panic!("{reason}"),
        }
    };
    let first = estimate(JOB);
    let mut dice = Dice::new(0x0bde2);
    for _ in 0..500 {
        let mut shuffled = members.clone();
        for at in 1..shuffled.len() {
            shuffled.swap(at, dice.below(at + 1));
        }
        let mut body = format!("{{{}}}", shuffled.join(","));
        if dice.below(2) == 0 {
            body = body.replace(r#""OBJ","3MX""#, r#""3MX","OBJ""#);
        }
        let same = estimate(&body) == first;
        tally.survived(same, || body.clone());
    }
    let threads: Vec<_> =
        (0..8).map(|_| thread::spawn(move || (0..50).map(|_| estimate(JOB)).collect::<Vec<_>>())).collect();
    for thread in threads {
        let same = thread.join().unwrap().iter().all(|other| *other == first);
        tally.survived(same, || "another thread, another price".to_owned());
    }
    tally.finish();
}

#[test]
fn l5_any_bytes() {
    let mut tally = Tally::new("l5");
    let policies = [Profile::Compatible, Profile::Strict].map(Policy::new);
    let mut dice = Dice::new(0xb17e5);
    for round in 0..20_000 {
        let mut body = JOB.as_bytes().to_vec();
        for _ in 0..=dice.below(6) {
            let at = dice.below(body.len().max(1));
            if body.is_empty() {
                break;
            }
            match dice.below(4) {
                0 => body[at] = u8::try_from(dice.below(256)).unwrap(),
                1 => drop(body.remove(at)),
                2 => body.insert(at, u8::try_from(dice.below(256)).unwrap()),
                _ => body.truncate(at.max(1)),
            }
        }
        // It ends with a verdict, the same one each time.
        let policy = &policies[round % 2];
        let verdicts = [0; 2].map(|_| match JobRequest::from_json(&body, policy) {
            Ok(accepted) => accepted.value().map(JobRequest::to_json),
            Err(rejected) => Some(format!("{:?}", rejected.report())),
        });
        tally.survived(verdicts[0].is_some() && verdicts[0] == verdicts[1], || {
            String::from_utf8_lossy(&body).into_owned()
        });
    }
    tally.finish();
}

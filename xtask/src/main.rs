//! Chores of the repository that need more than a shell: `cargo xtask codegen` and `cargo xtask tidy`.

#![forbid(unsafe_code)]

mod codegen;
mod tidy;

use anyhow::bail;

const USAGE: &str = "usage: cargo xtask codegen [--check] [--botocore-version VERSION] MODEL
       cargo xtask tidy

codegen
  Writes crates/api/src/generated/ from botocore's data/lightsail/2016-11-28/service-2.json(.gz).
  --check               changes nothing; fails when the files differ from what would be written
  --botocore-version V  the version MODEL came from; found by itself when MODEL lies in an unpacked botocore

tidy
  Checks the repository's own rules: which crate may depend on which, sizes of files, words and hosts that do not belong.";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("codegen") => codegen::run(&arguments[1..]),
        Some("tidy") => tidy::run(),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("{USAGE}"),
    }
}

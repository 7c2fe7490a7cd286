//! Rebuilds the binary when the web bundle changes; cargo cannot see files that a derive reads.
fn main() {
    println!("cargo::rerun-if-changed=../../web/dist");
    println!("cargo::rerun-if-changed=data");
    println!("cargo::rerun-if-changed=build.rs");
}

//! The whole program under kills, full disks, races and a look at its memory. Faults come from
//! outside (`strace`, `gdb`), not from hooks in the product.

mod crash;
mod leaks;
mod memory;
mod race;

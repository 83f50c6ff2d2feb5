//! A vDSO that tells virtual time: what libc finds by AT_SYSINFO_EHDR instead of that of Linux.
//!
//! Its functions read a page that the supervisor writes ([`super::time_page`]). Once the page has
//! answered as many questions as were granted, they make the system call of the same name, which
//! is trapped. It has no other functions, so libc makes system calls for everything else. An exec
//! takes both pages away; a program that runs after another one asks by system calls, and is told
//! the same. Must not know: what the time is.

#![allow(unsafe_code)]

use std::arch::global_asm;

use libc::user_regs_struct;
use nix::errno::Errno;
use nix::unistd::Pid;

use super::remote_calls::{Batch, RemoteCall};
use super::tsc;
use crate::world::supervised::memory::Memory;

/// The size of a page.
pub const SIZE: u64 = 4096;
/// The descriptor of the time page in a new process.
pub const TIME_FD: i32 = super::privileges::LISTENER + 1;

/// Where the page of the time is: behind those of [`tsc`].
const TIME: u64 = tsc::PAGE + 2 * SIZE;
/// Where the image is.
const IMAGE: u64 = TIME + SIZE;

// The functions, for `gettimeofday(time, zone)`, `clock_gettime(id, time)` and `time(time)`. Like
// the supervisor they take CLOCK_REALTIME (0), its coarse form (5) and CLOCK_TAI (11) for the real
// time, and every other clock for the monotonic one. The time is at [rcx], in the order of `Page`.
global_asm!(
    ".pushsection .rodata.sabot_vdso, \"a\", @progbits",
    ".globl sabot_vdso_gettimeofday, sabot_vdso_clock_gettime, sabot_vdso_time, sabot_vdso_end",
    ".hidden sabot_vdso_gettimeofday, sabot_vdso_clock_gettime, sabot_vdso_time, sabot_vdso_end",
    "sabot_vdso_gettimeofday:",
    "movabs rcx, {time}",
    "dec qword ptr [rcx]",
    "js 3f",
    "test rdi, rdi",
    "jz 2f",
    "mov rax, [rcx + 8]",
    "mov [rdi], rax",
    "mov rax, [rcx + 24]",
    "mov [rdi + 8], rax",
    "2: test rsi, rsi",
    "jz 2f",
    "mov qword ptr [rsi], 0",
    "2: xor eax, eax",
    "ret",
    "3: mov eax, {gettimeofday}",
    "syscall",
    "ret",
    "sabot_vdso_clock_gettime:",
    "movabs rcx, {time}",
    "dec qword ptr [rcx]",
    "js 3f",
    "test edi, edi",
    "jz 2f",
    "cmp edi, 5",
    "je 2f",
    "cmp edi, 11",
    "je 2f",
    "add rcx, 24",
    "2: mov rax, [rcx + 8]",
    "mov [rsi], rax",
    "mov rax, [rcx + 16]",
    "mov [rsi + 8], rax",
    "xor eax, eax",
    "ret",
    "3: mov eax, {clock_gettime}",
    "syscall",
    "ret",
    "sabot_vdso_time:",
    "movabs rcx, {time}",
    "dec qword ptr [rcx]",
    "js 3f",
    "mov rax, [rcx + 8]",
    "test rdi, rdi",
    "jz 2f",
    "mov [rdi], rax",
    "2: ret",
    "3: mov eax, {time_call}",
    "syscall",
    "ret",
    "sabot_vdso_end:",
    ".popsection",
    time = const TIME,
    gettimeofday = const libc::SYS_gettimeofday,
    clock_gettime = const libc::SYS_clock_gettime,
    time_call = const libc::SYS_time,
);

// SAFETY: labels of the text above.
unsafe extern "C" {
    safe static sabot_vdso_gettimeofday: u8;
    safe static sabot_vdso_clock_gettime: u8;
    safe static sabot_vdso_time: u8;
    safe static sabot_vdso_end: u8;
}

/// Gives a process that is stopped at the end of an exec both pages. It has the code of remote
/// calls at `code`, room for a table of them at `table`, and the time page as [`TIME_FD`], which
/// is closed. Returns what AT_SYSINFO_EHDR is to be.
pub fn map(pid: Pid, registers: &user_regs_struct, code: u64, table: u64) -> Result<u64, String> {
    let failed = |errno: Errno| format!("a vDSO: {errno}");
    let go = |calls: &[RemoteCall]| {
        Batch::begin(pid, registers, code, table, calls).map_err(failed)?.end().map(drop)
    };
    let [read, write, execute] =
        [libc::PROT_READ, libc::PROT_WRITE, libc::PROT_EXEC].map(|bits| bits as u64);
    let at = libc::MAP_FIXED_NOREPLACE;
    let [shared, anonymous] =
        [libc::MAP_SHARED | at, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | at].map(|k| k as u64);
    let page = TIME_FD as u64;
    go(&[
        RemoteCall::new("mmap", libc::SYS_mmap, &[TIME, SIZE, read | write, shared, page, 0]),
        RemoteCall::new("mmap", libc::SYS_mmap, &[IMAGE, SIZE, read | write, anonymous, u64::MAX]),
        RemoteCall::new("close", libc::SYS_close, &[page]),
    ])?;
    Memory(pid.as_raw()).write(IMAGE, &image()).map_err(failed)?;
    go(&[RemoteCall::new("mprotect", libc::SYS_mprotect, &[IMAGE, SIZE, read | execute])])?;
    Ok(IMAGE)
}

/// The functions as machine code, with the name and the first byte of each, and the end.
fn functions() -> (Vec<u8>, [(&'static str, u64); 3], u64) {
    let start = &raw const sabot_vdso_gettimeofday;
    let offset = |label: *const u8| label.addr() - start.addr();
    let length = offset(&raw const sabot_vdso_end);
    // SAFETY: all of the text above, which is constant.
    let code = unsafe { std::slice::from_raw_parts(start, length) };
    let names = [
        ("__vdso_gettimeofday", 0),
        ("__vdso_clock_gettime", offset(&raw const sabot_vdso_clock_gettime) as u64),
        ("__vdso_time", offset(&raw const sabot_vdso_time) as u64),
    ];
    (code.to_vec(), names, length as u64)
}

/// What comes first in an image: `Elf64_Ehdr` and two `Elf64_Phdr` of elf.h.
const HEADERS: u64 = 64 + 2 * 56;

/// An ELF image as far as dynamic linkers read it: headers, functions, symbols, their hash table
/// of one bucket, names, and the dynamic section. Addresses in it are offsets.
fn image() -> Vec<u8> {
    let (code, names, length) = functions();
    let mut strings = b"\0linux-vdso.so.1\0".to_vec();
    let mut symbols = vec![0; 24];
    let ends = names.iter().skip(1).map(|(_, at)| *at).chain([length]);
    for ((name, at), end) in names.iter().zip(ends) {
        symbols.extend((strings.len() as u32).to_le_bytes());
        // STB_GLOBAL, STT_FUNC; default visibility; any section.
        symbols.extend([0x12, 0, 1, 0]);
        symbols.extend([HEADERS + at, end - at].map(u64::to_le_bytes).concat());
        strings.extend(name.as_bytes());
        strings.push(0);
    }
    let chains: [u32; 7] = [1, 4, 1, 0, 2, 3, 0];
    let symbols_at = HEADERS + length.next_multiple_of(8);
    let hash_at = symbols_at + symbols.len() as u64;
    let strings_at = hash_at + 4 * chains.len() as u64;
    let dynamic_at = (strings_at + strings.len() as u64).next_multiple_of(8);
    // DT_HASH, DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_SYMENT, DT_SONAME, DT_NULL.
    let dynamic: [[u64; 2]; 7] = [
        [4, hash_at],
        [5, strings_at],
        [6, symbols_at],
        [10, strings.len() as u64],
        [11, 24],
        [14, 1],
        [0, 0],
    ];
    let size = dynamic_at + size_of_val(&dynamic) as u64;
    let mut image = headers(size, dynamic_at, size - dynamic_at);
    let mut put = |at: u64, bytes: &[u8]| {
        image.resize(at as usize, 0);
        image.extend(bytes);
    };
    put(HEADERS, &code);
    put(symbols_at, &symbols);
    put(hash_at, &chains.map(u32::to_le_bytes).concat());
    put(strings_at, &strings);
    put(dynamic_at, &dynamic.concat().into_iter().flat_map(u64::to_le_bytes).collect::<Vec<_>>());
    image
}

/// A shared object for x86-64 with one PT_LOAD over all of it, and a PT_DYNAMIC.
fn headers(size: u64, dynamic_at: u64, dynamic: u64) -> Vec<u8> {
    let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0".to_vec();
    // No entry point; the program headers follow; no sections.
    out.extend([0_u64, 64, 0].map(u64::to_le_bytes).concat());
    out.extend([0, 0, 0, 0, 64, 0, 56, 0, 2, 0, 64, 0, 0, 0, 0, 0]);
    let mut header = |kind: u32, flags: u32, at: u64, size: u64, alignment: u64| {
        out.extend([kind, flags].map(u32::to_le_bytes).concat());
        out.extend([at, at, at, size, size, alignment].map(u64::to_le_bytes).concat());
    };
    let (load, dynamic_kind, read, read_and_execute) = (1, 2, 4, 5);
    header(load, read_and_execute, 0, size, SIZE);
    header(dynamic_kind, read, dynamic_at, dynamic, 8);
    out
}

//! Sockets that listen.
//!
//! Must not know: who connects.

use std::net::ToSocketAddrs;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};

use nix::sys::socket::{
    self, AddressFamily, Backlog, SockFlag, SockType, SockaddrLike, SockaddrStorage, UnixAddr,
};

use crate::os::{Errno, Fd, Result};

/// A TCP socket on the first address that `address` stands for.
pub fn listen_tcp(address: &str, port: u16, backlog: i32) -> Result<Fd> {
    let mut found = (address, port).to_socket_addrs().map_err(|_| Errno::EADDRNOTAVAIL)?;
    let address = found.next().ok_or(Errno::EADDRNOTAVAIL)?;
    let family = if address.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    bind_and_listen(server_socket(family)?, &SockaddrStorage::from(address), backlog)
}

/// A unix socket at a path where nothing is.
pub fn listen_unix(address: &UnixAddr, backlog: i32) -> Result<Fd> {
    bind_and_listen(server_socket(AddressFamily::Unix)?, address, backlog)
}

/// `socket` with the options of a listening socket.
fn server_socket(family: AddressFamily) -> Result<OwnedFd> {
    let socket = socket::socket(family, SockType::Stream, SockFlag::SOCK_NONBLOCK, None)?;
    if family == AddressFamily::Inet6 {
        socket::setsockopt(&socket, socket::sockopt::Ipv6V6Only, &true)?;
    }
    if family != AddressFamily::Unix {
        socket::setsockopt(&socket, socket::sockopt::ReuseAddr, &true)?;
    }
    Ok(socket)
}

fn bind_and_listen(socket: OwnedFd, address: &dyn SockaddrLike, backlog: i32) -> Result<Fd> {
    socket::bind(socket.as_raw_fd(), address)?;
    socket::listen(&socket, Backlog::new(backlog).unwrap_or(Backlog::MAXCONN))?;
    Ok(socket.into_raw_fd())
}

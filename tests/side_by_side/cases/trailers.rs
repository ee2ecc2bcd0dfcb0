//! Trailers that the head of the answer tells of, and others; as they come, and through `buffering`.

pub const PLAIN: &[(&str, &str)] = &[
    (
        "trailers: not told of",
        r"GET / host.test | X-Do: raw HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: v\r\n\r\n",
    ),
    (
        "trailers: told of, and a header of that name",
        "GET / host.test | X-Do: header X-T: head | X-Do: trailer X-T: v | X-Do: body hello",
    ),
    (
        "buffered trailers: not told of",
        r"GET / bf.test | X-Do: raw HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: v\r\n\r\n",
    ),
    (
        "buffered trailers: not told of, and a header of that name",
        r"GET / bf.test | X-Do: raw HTTP/1.1 200 OK\r\nX-T: head\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: v\r\n\r\n",
    ),
    (
        "buffered trailers: cookies not told of",
        r"GET / bf.test | X-Do: raw HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nSet-Cookie: b=2\r\n\r\n",
    ),
    (
        "buffered trailers: told of, and a header of that name",
        "GET / bf.test | X-Do: header X-T: head | X-Do: trailer X-T: v | X-Do: body hello",
    ),
    (
        "buffered trailers: several values",
        r"GET / bf.test | X-Do: raw HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: v\r\nX-T: w\r\n\r\n",
    ),
    (
        "buffered trailers: one of two told of",
        r"GET / bf.test | X-Do: raw HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: v\r\nX-U: w\r\n\r\n",
    ),
    (
        "buffered trailers: others than told of",
        r"GET / bf.test | X-Do: raw HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-U: w\r\n\r\n",
    ),
    (
        "buffered trailers: told of, and none came",
        r"GET / bf.test | X-Do: raw HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ),
    (
        "buffered trailers: of an empty answer",
        "GET / bf.test | X-Do: bytes 0 | X-Do: trailer X-T: v",
    ),
    ("buffered trailers: large", "GET / bf.test | X-Do: bytes 5000 | X-Do: trailer X-T: v"),
    (
        "buffered trailers: from the disk",
        "GET / bf-mem.test | X-Do: body hello | X-Do: trailer X-T: v",
    ),
];

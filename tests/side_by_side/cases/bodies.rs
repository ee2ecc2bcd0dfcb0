//! Middlewares that change bodies or look at them: `compress`, `contentType`.

/// The cases of [`EACH_CODING`], with each coding.
pub fn compress() -> Vec<(String, String)> {
    let of = |coding: &'static str| {
        EACH_CODING.iter().map(move |(name, line)| {
            (format!("{coding}: {name}"), format!("{line} | Accept-Encoding: {coding}"))
        })
    };
    ["gzip", "br", "zstd"].into_iter().flat_map(of).collect()
}

pub const NEGOTIATION: &[(&str, &str)] = &[
    (
        "compress: gzip",
        "GET / z.test | Accept-Encoding: gzip | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: br",
        "GET / z.test | Accept-Encoding: br | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: zstd",
        "GET / z.test | Accept-Encoding: zstd | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: what browsers send",
        "GET / z.test | Accept-Encoding: gzip, deflate, br, zstd | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: what browsers send, turned",
        "GET / turned.z.test | Accept-Encoding: gzip, deflate, br, zstd | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: no Accept-Encoding",
        "GET / z.test | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: empty Accept-Encoding",
        "GET / z.test | Accept-Encoding: | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: nothing known",
        "GET / z.test | Accept-Encoding: deflate, compress | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: upper case",
        "GET / z.test | Accept-Encoding: GZIP | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: identity",
        "GET / z.test | Accept-Encoding: identity | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: identity and br",
        "GET / z.test | Accept-Encoding: identity, br | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: identity before br",
        "GET / z.test | Accept-Encoding: identity, br;q=0.9 | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: identity refused",
        "GET / z.test | Accept-Encoding: identity;q=0, br | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: weights",
        "GET / z.test | Accept-Encoding: gzip;q=0.5, br;q=0.8, zstd;q=0.7 | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: weights with blanks",
        "GET / z.test | Accept-Encoding: gzip ; q = 0.5 , br ; q = 0.8 | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: weights, equal",
        "GET / z.test | Accept-Encoding: zstd;q=0.5, br;q=0.5 | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: weight 0",
        "GET / z.test | Accept-Encoding: gzip;q=0, br;q=0.1 | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: weight that is none",
        "GET / z.test | Accept-Encoding: gzip;q=x, br;q=0.1 | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: weight and another parameter",
        "GET / z.test | Accept-Encoding: gzip;q=1;a=b, br;q=0.1 | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: another parameter and weight",
        "GET / z.test | Accept-Encoding: gzip;a=b;q=0.01, br;q=0.1 | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: weight over 1",
        "GET / z.test | Accept-Encoding: gzip;q=2, br;q=3 | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: weight below 0",
        "GET / z.test | Accept-Encoding: gzip;q=-1 | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: two lines",
        "GET / z.test | Accept-Encoding: br;q=0.5 | Accept-Encoding: zstd | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: two lines, gzip in the second",
        "GET / z.test | Accept-Encoding: deflate | Accept-Encoding: gzip | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: anything",
        "GET / z.test | Accept-Encoding: * | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: anything, zstd first",
        "GET / turned.z.test | Accept-Encoding: * | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: anything, only br",
        "GET / br.z.test | Accept-Encoding: * | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: anything and gzip",
        "GET / z.test | Accept-Encoding: gzip, * | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: anything but gzip",
        "GET / z.test | Accept-Encoding: gzip;q=0, * | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: anything, gzip less",
        "GET / z.test | Accept-Encoding: *, gzip;q=0.1 | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: not anything",
        "GET / z.test | Accept-Encoding: *;q=0 | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: only gzip offered",
        "GET / gzip.z.test | Accept-Encoding: br, zstd | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: only br offered",
        "GET / br.z.test | Accept-Encoding: gzip, br;q=0.1 | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: only zstd offered",
        "GET / zstd.z.test | Accept-Encoding: gzip, zstd;q=0.1 | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: gzip and zstd, gzip first",
        "GET / z.test | Accept-Encoding: gzip, zstd | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: default, no Accept-Encoding",
        "GET / default.z.test | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: default, empty Accept-Encoding",
        "GET / default.z.test | Accept-Encoding: | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: default, anything",
        "GET / default.z.test | Accept-Encoding: * | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: default, gzip",
        "GET / default.z.test | Accept-Encoding: gzip | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: default, nothing known",
        "GET / default.z.test | Accept-Encoding: deflate | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: default gzip, no Accept-Encoding",
        "GET / defgzip.z.test | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: turned on by true",
        "GET / bool.z.test | Accept-Encoding: gzip | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: HEAD",
        "HEAD / z.test | Accept-Encoding: gzip | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: POST",
        "POST / z.test | Accept-Encoding: br | X-Do: text 3000 | X-Do: header Content-Type: text/plain | =body",
    ),
    (
        "compress: DELETE",
        "DELETE / z.test | Accept-Encoding: gzip | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: request's type excluded",
        "POST / without.z.test | Accept-Encoding: gzip | X-Do: text 3000 | X-Do: header Content-Type: a/b | Content-Type: text/plain | =x",
    ),
    (
        "compress: request's type excluded, with parameters",
        "POST / without.z.test | Accept-Encoding: br | X-Do: text 3000 | X-Do: header Content-Type: a/b | Content-Type: TEXT/plain; a=b | =x",
    ),
    (
        "compress: request's type not excluded",
        "POST / without.z.test | Accept-Encoding: br | X-Do: text 3000 | X-Do: header Content-Type: a/b | Content-Type: a/b | =x",
    ),
    (
        "compress: request's type not included",
        "POST / only.z.test | Accept-Encoding: br | X-Do: text 3000 | X-Do: header Content-Type: text/plain | Content-Type: a/b | =x",
    ),
    (
        "compress: request of gRPC",
        "POST / z.test | Accept-Encoding: gzip | X-Do: text 3000 | X-Do: header Content-Type: text/plain | Content-Type: application/grpc | =x",
    ),
    (
        "compress: request of a broken type",
        "POST / without.z.test | Accept-Encoding: br | X-Do: text 3000 | X-Do: header Content-Type: a/b | Content-Type: text/plain; a | =x",
    ),
    (
        "compress: broken options, both",
        "GET / both.z.test | Accept-Encoding: gzip | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: broken options, none",
        "GET / none.z.test | Accept-Encoding: gzip | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: broken options, bad",
        "GET / bad.z.test | Accept-Encoding: gzip | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: broken options, baddefault",
        "GET / baddefault.z.test | Accept-Encoding: gzip | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: broken options, badtype",
        "GET / badtype.z.test | Accept-Encoding: gzip | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "compress: broken options, badonly",
        "GET / badonly.z.test | Accept-Encoding: gzip | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
];

const EACH_CODING: &[(&str, &str)] = &[
    ("one byte short", "GET / z.test | X-Do: text 1023 | X-Do: header Content-Type: text/plain"),
    ("just enough", "GET / z.test | X-Do: text 1024 | X-Do: header Content-Type: text/plain"),
    (
        "least of one, one byte",
        "GET / least.z.test | X-Do: text 1 | X-Do: header Content-Type: text/plain",
    ),
    (
        "least of one, nothing",
        "GET / least.z.test | X-Do: text 0 | X-Do: header Content-Type: text/plain",
    ),
    (
        "least of a hundred, 99",
        "GET / less.z.test | X-Do: text 99 | X-Do: header Content-Type: text/plain",
    ),
    (
        "least of a hundred, 100",
        "GET / less.z.test | X-Do: text 100 | X-Do: header Content-Type: text/plain",
    ),
    (
        "least below nothing",
        "GET / negative.z.test | X-Do: text 500 | X-Do: header Content-Type: text/plain",
    ),
    ("large", "GET / z.test | X-Do: bytes 1000000 | X-Do: header Content-Type: a/b"),
    (
        "chunked and small",
        "GET / z.test | X-Do: text 20 | X-Do: chunked | X-Do: header Content-Type: text/plain",
    ),
    (
        "chunked and large",
        "GET / z.test | X-Do: text 200000 | X-Do: chunked | X-Do: header Content-Type: text/plain",
    ),
    (
        "chunked and empty",
        "GET / z.test | X-Do: text 0 | X-Do: chunked | X-Do: header Content-Type: text/plain",
    ),
    (
        "slow chunks",
        "GET / z.test | X-Do: text 30 | X-Do: drip 50 | X-Do: header Content-Type: text/plain",
    ),
    (
        "until the end",
        "GET / z.test | X-Do: text 20 | X-Do: until-close | X-Do: header Content-Type: text/plain",
    ),
    (
        "slow halves",
        "GET / z.test | X-Do: text 3000 | X-Do: halves 30 | X-Do: header Content-Type: text/plain",
    ),
    (
        "events",
        "GET / z.test | X-Do: body data: 1 | X-Do: chunked | X-Do: header Content-Type: text/event-stream",
    ),
    (
        "trailers",
        "GET / z.test | X-Do: text 20 | X-Do: trailer X-Sum: 1 | X-Do: header Content-Type: text/plain",
    ),
    (
        "status 404",
        "GET / z.test | X-Do: text 3000 | X-Do: status 404 | X-Do: header Content-Type: text/plain",
    ),
    (
        "status 500",
        "GET / z.test | X-Do: text 3000 | X-Do: status 500 | X-Do: header Content-Type: text/plain",
    ),
    (
        "status 204",
        "GET / z.test | X-Do: text 3000 | X-Do: status 204 | X-Do: header Content-Type: text/plain",
    ),
    (
        "status 304",
        "GET / z.test | X-Do: text 3000 | X-Do: status 304 | X-Do: header Content-Type: text/plain",
    ),
    (
        "status 206 without a range",
        "GET / z.test | X-Do: text 3000 | X-Do: status 206 | X-Do: header Content-Type: text/plain",
    ),
    (
        "status 301",
        "GET / z.test | X-Do: text 3000 | X-Do: status 301 | X-Do: header Location: /x | X-Do: header Content-Type: text/plain",
    ),
    (
        "range of it",
        "GET / z.test | X-Do: text 3000 | X-Do: status 206 | X-Do: header Content-Range: bytes 0-2999/9000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "takes ranges",
        "GET / z.test | X-Do: text 3000 | X-Do: header Accept-Ranges: bytes | X-Do: header Content-Type: text/plain",
    ),
    (
        "takes ranges, too short",
        "GET / z.test | X-Do: text 10 | X-Do: header Accept-Ranges: bytes | X-Do: header Content-Type: text/plain",
    ),
    (
        "encoded",
        "GET / z.test | X-Do: text 3000 | X-Do: header Content-Encoding: deflate | X-Do: header Content-Type: text/plain",
    ),
    (
        "encoded as identity",
        "GET / z.test | X-Do: text 3000 | X-Do: header Content-Encoding: identity | X-Do: header Content-Type: text/plain",
    ),
    (
        "encoded as nothing",
        "GET / z.test | X-Do: text 3000 | X-Do: header Content-Encoding: | X-Do: header Content-Type: text/plain",
    ),
    (
        "no gzip, says the service",
        "GET / z.test | X-Do: text 3000 | X-Do: header No-Gzip-Compression: 1 | X-Do: header Content-Type: text/plain",
    ),
    (
        "no gzip, says the service of a short one",
        "GET / z.test | X-Do: text 5 | X-Do: header No-Gzip-Compression: | X-Do: header Content-Type: text/plain",
    ),
    (
        "entity tag",
        "GET / z.test | X-Do: text 3000 | X-Do: header ETag: \"x\" | X-Do: header Content-Type: text/plain",
    ),
    (
        "varies already",
        "GET / z.test | X-Do: text 3000 | X-Do: header Vary: Cookie | X-Do: header Content-Type: text/plain",
    ),
    (
        "varies by it already",
        "GET / z.test | X-Do: text 3000 | X-Do: header Vary: Accept-Encoding | X-Do: header Content-Type: text/plain",
    ),
    (
        "no transform",
        "GET / z.test | X-Do: text 3000 | X-Do: header Cache-Control: no-transform | X-Do: header Content-Type: text/plain",
    ),
    ("of any type", "GET / z.test | X-Do: text 3000 | X-Do: header Content-Type: image/png"),
    ("of gRPC", "GET / z.test | X-Do: text 3000 | X-Do: header Content-Type: application/grpc"),
    (
        "of gRPC, more exactly",
        "GET / z.test | X-Do: text 3000 | X-Do: header Content-Type: application/grpc+proto",
    ),
    ("of a broken type", "GET / z.test | X-Do: text 3000 | X-Do: header Content-Type: text plain"),
    (
        "of broken parameters",
        "GET / z.test | X-Do: text 3000 | X-Do: header Content-Type: text/plain; charset",
    ),
    ("of a type without slash", "GET / z.test | X-Do: text 3000 | X-Do: header Content-Type: text"),
    ("of an empty type", "GET / z.test | X-Do: text 3000 | X-Do: header Content-Type:"),
    ("of no type", "GET / z.test | X-Do: text 3000 | X-Do: untyped"),
    ("of no type, chunked", "GET / z.test | X-Do: text 20 | X-Do: chunked | X-Do: untyped"),
    (
        "excluded type",
        "GET / without.z.test | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "excluded type, parameters",
        "GET / without.z.test | X-Do: text 3000 | X-Do: header Content-Type: TEXT/plain;a=b",
    ),
    (
        "excluded second type",
        "GET / without.z.test | X-Do: text 3000 | X-Do: header Content-Type: image/png",
    ),
    (
        "excluded type, chunked",
        "GET / without.z.test | X-Do: text 20 | X-Do: chunked | X-Do: header Content-Type: text/plain",
    ),
    (
        "not excluded type",
        "GET / without.z.test | X-Do: text 3000 | X-Do: header Content-Type: text/html",
    ),
    (
        "excluded type, broken parameters",
        "GET / without.z.test | X-Do: text 3000 | X-Do: header Content-Type: text/plain; a",
    ),
    ("excluded by what it shows", "GET / without.z.test | X-Do: text 3000 | X-Do: untyped"),
    (
        "included type",
        "GET / only.z.test | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "included type, parameters",
        "GET / only.z.test | X-Do: text 3000 | X-Do: header Content-Type: text/html; charset=latin1",
    ),
    ("not included type", "GET / only.z.test | X-Do: text 3000 | X-Do: header Content-Type: a/b"),
    (
        "included type, broken parameters",
        "GET / only.z.test | X-Do: text 3000 | X-Do: header Content-Type: text/plain; a",
    ),
    ("included by what it shows", "GET / only.z.test | X-Do: text 3000 | X-Do: untyped"),
    ("not included by what it shows", "GET / only.z.test | X-Do: bytes 3000 | X-Do: untyped"),
    (
        "not included by what it shows, chunked",
        "GET / only.z.test | X-Do: bytes 3000 | X-Do: chunked | X-Do: untyped",
    ),
    (
        "not included by an empty type",
        "GET / only.z.test | X-Do: bytes 3000 | X-Do: header Content-Type:",
    ),
    (
        "included with a star",
        "GET / stars.z.test | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "early hints",
        "GET / z.test | X-Do: text 3000 | X-Do: early 103 Link: </a>; rel=preload | X-Do: header Content-Type: text/plain",
    ),
    ("our own 502", "GET / dead.z.test | X-Do: text 3000 | X-Do: header Content-Type: text/plain"),
    ("what the server sees", "GET / least.z.test"),
    (
        "broken off",
        "GET / z.test | X-Do: text 3000 | X-Do: short | X-Do: header Content-Type: text/plain",
    ),
    (
        "broken off, chunked",
        "GET / z.test | X-Do: raw HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhello\\r\\n",
    ),
    ("two of them", "GET / twice.z.test | X-Do: text 3000 | X-Do: header Content-Type: text/plain"),
    (
        "headers around",
        "GET / headers.z.test | X-Do: text 3000 | X-Do: header ETag: \"x\" | X-Do: header Content-Type: text/plain",
    ),
    ("and contentType behind", "GET / ct.z.test | X-Do: text 3000 | X-Do: untyped"),
    ("and contentType before", "GET / z.ct.test | X-Do: text 3000 | X-Do: untyped"),
    ("and contentType before, short", "GET / z.ct.test | X-Do: body <html> | X-Do: untyped"),
    (
        "and contentType before, typed",
        "GET / z.ct.test | X-Do: text 3000 | X-Do: header Content-Type: text/plain",
    ),
    (
        "upgrade",
        "GET / z.test | X-Do: text 3000 | X-Do: header Content-Type: text/plain | Connection: Upgrade | Upgrade: echo | X-Do: deny",
    ),
];

pub const CONTENT_TYPE: &[(&str, &str)] = &[
    ("contentType: HTML", "GET / ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p>"),
    ("contentType: JSON", "GET / ct.test | X-Do: untyped | X-Do: body {\"a\":1}"),
    ("contentType: nothing", "GET / ct.test | X-Do: untyped | X-Do: text 0"),
    (
        "contentType: typed",
        "GET / ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p> | X-Do: header Content-Type: a/b",
    ),
    (
        "contentType: typed with nothing",
        "GET / ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p> | X-Do: header Content-Type:",
    ),
    (
        "contentType: turned on by true",
        "GET / bool.ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p>",
    ),
    ("contentType: asked for", "GET / yes.ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p>"),
    (
        "contentType: not asked for",
        "GET / no.ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p>",
    ),
    ("contentType: without it", "GET / host.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p>"),
    ("contentType: HEAD", "HEAD / ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p>"),
    ("contentType: POST", "POST / ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p> | =x"),
    (
        "contentType: status 404",
        "GET / ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p> | X-Do: status 404",
    ),
    (
        "contentType: status 304",
        "GET / ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p> | X-Do: status 304",
    ),
    (
        "contentType: status 204",
        "GET / ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p> | X-Do: status 204",
    ),
    (
        "contentType: encoded",
        "GET / ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p> | X-Do: header Content-Encoding: br",
    ),
    (
        "contentType: encoded as nothing",
        "GET / ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p> | X-Do: header Content-Encoding:",
    ),
    (
        "contentType: encoded as identity",
        "GET / ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p> | X-Do: header Content-Encoding: identity",
    ),
    (
        "contentType: chunked",
        "GET / ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p> | X-Do: chunked",
    ),
    (
        "contentType: chunked and empty",
        "GET / ct.test | X-Do: untyped | X-Do: text 0 | X-Do: chunked",
    ),
    (
        "contentType: until the end",
        "GET / ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p> | X-Do: until-close",
    ),
    (
        "contentType: no sniffing",
        "GET / ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p> | X-Do: header X-Content-Type-Options: nosniff",
    ),
    ("contentType: large", "GET / ct.test | X-Do: untyped | X-Do: bytes 100000"),
    ("contentType: large text", "GET / ct.test | X-Do: untyped | X-Do: text 100000"),
    (
        "contentType: halves",
        "GET / ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html> | X-Do: halves 20",
    ),
    ("contentType: our own 502", "GET / dead.ct.test | X-Do: untyped"),
    ("contentType: our own 502, HEAD", "HEAD / dead.ct.test | X-Do: untyped"),
    ("contentType: our own 502 without it", "GET / dead-no.ct.test | X-Do: untyped"),
    ("contentType: a refusal behind", "GET / refused.ct.test | X-Do: untyped"),
    ("contentType: a refusal before", "GET / before.ct.test | X-Do: untyped"),
    (
        "contentType: another middleware's type",
        "GET / named.ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p>",
    ),
    (
        "contentType: early hints",
        "GET / ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p> | X-Do: early 103 Link: </a>; rel=preload",
    ),
    (
        "contentType: broken off",
        "GET / ct.test | X-Do: untyped | X-Do: short | X-Do: body <!DOCTYPE html><p>",
    ),
    (
        "contentType: trailers",
        "GET / ct.test | X-Do: untyped | X-Do: body <!DOCTYPE html><p> | X-Do: trailer X-Sum: 1",
    ),
    (
        "contentType: shows html tag, upper case",
        "GET / ct.test | X-Do: untyped | X-Do: hex 3c48544d4c3e",
    ),
    (
        "contentType: shows html tag, blanks before",
        "GET / ct.test | X-Do: untyped | X-Do: hex 20090d0a0c3c68746d6c20",
    ),
    (
        "contentType: shows html tag without end",
        "GET / ct.test | X-Do: untyped | X-Do: hex 3c68746d6c",
    ),
    (
        "contentType: shows html tag, other letter behind",
        "GET / ct.test | X-Do: untyped | X-Do: hex 3c68746d6c783e",
    ),
    (
        "contentType: shows <!DOCTYPE HTML",
        "GET / ct.test | X-Do: untyped | X-Do: hex 3c21444f43545950452048544d4c3e",
    ),
    ("contentType: shows <HEAD", "GET / ct.test | X-Do: untyped | X-Do: hex 3c484541443e"),
    ("contentType: shows <SCRIPT", "GET / ct.test | X-Do: untyped | X-Do: hex 3c5343524950543e"),
    ("contentType: shows <IFRAME", "GET / ct.test | X-Do: untyped | X-Do: hex 3c494652414d453e"),
    ("contentType: shows <H1", "GET / ct.test | X-Do: untyped | X-Do: hex 3c48313e"),
    ("contentType: shows <DIV", "GET / ct.test | X-Do: untyped | X-Do: hex 3c4449563e"),
    ("contentType: shows <FONT", "GET / ct.test | X-Do: untyped | X-Do: hex 3c464f4e543e"),
    ("contentType: shows <TABLE", "GET / ct.test | X-Do: untyped | X-Do: hex 3c5441424c453e"),
    ("contentType: shows <A", "GET / ct.test | X-Do: untyped | X-Do: hex 3c413e"),
    ("contentType: shows <STYLE", "GET / ct.test | X-Do: untyped | X-Do: hex 3c5354594c453e"),
    ("contentType: shows <TITLE", "GET / ct.test | X-Do: untyped | X-Do: hex 3c5449544c453e"),
    ("contentType: shows <B", "GET / ct.test | X-Do: untyped | X-Do: hex 3c423e"),
    ("contentType: shows <BODY", "GET / ct.test | X-Do: untyped | X-Do: hex 3c424f44593e"),
    ("contentType: shows <BR", "GET / ct.test | X-Do: untyped | X-Do: hex 3c42523e"),
    ("contentType: shows <P", "GET / ct.test | X-Do: untyped | X-Do: hex 3c503e"),
    ("contentType: shows <!--", "GET / ct.test | X-Do: untyped | X-Do: hex 3c212d2d3e"),
    ("contentType: shows <LI", "GET / ct.test | X-Do: untyped | X-Do: hex 3c4c493e"),
    ("contentType: shows xml", "GET / ct.test | X-Do: untyped | X-Do: hex 203c3f786d6c203f3e"),
    (
        "contentType: shows XML in upper case",
        "GET / ct.test | X-Do: untyped | X-Do: hex 3c3f584d4c203f3e",
    ),
    ("contentType: shows pdf", "GET / ct.test | X-Do: untyped | X-Do: hex 255044462d31"),
    (
        "contentType: shows pdf behind a blank",
        "GET / ct.test | X-Do: untyped | X-Do: hex 20255044462d31",
    ),
    (
        "contentType: shows postscript",
        "GET / ct.test | X-Do: untyped | X-Do: hex 252150532d41646f62652d33",
    ),
    ("contentType: shows utf-16be", "GET / ct.test | X-Do: untyped | X-Do: hex feff0061"),
    ("contentType: shows utf-16le", "GET / ct.test | X-Do: untyped | X-Do: hex fffe6100"),
    (
        "contentType: shows utf-16be, three bytes",
        "GET / ct.test | X-Do: untyped | X-Do: hex feff00",
    ),
    ("contentType: shows utf-8 mark", "GET / ct.test | X-Do: untyped | X-Do: hex efbbbf0001"),
    (
        "contentType: shows utf-8 mark, three bytes",
        "GET / ct.test | X-Do: untyped | X-Do: hex efbbbf",
    ),
    ("contentType: shows icon", "GET / ct.test | X-Do: untyped | X-Do: hex 0000010001"),
    ("contentType: shows cursor", "GET / ct.test | X-Do: untyped | X-Do: hex 0000020001"),
    ("contentType: shows bmp", "GET / ct.test | X-Do: untyped | X-Do: hex 424d7800"),
    ("contentType: shows gif87", "GET / ct.test | X-Do: untyped | X-Do: hex 47494638376100"),
    ("contentType: shows gif89", "GET / ct.test | X-Do: untyped | X-Do: hex 47494638396100"),
    (
        "contentType: shows webp",
        "GET / ct.test | X-Do: untyped | X-Do: hex 524946460000000057454250565038",
    ),
    ("contentType: shows png", "GET / ct.test | X-Do: untyped | X-Do: hex 89504e470d0a1a0a00"),
    ("contentType: shows jpeg", "GET / ct.test | X-Do: untyped | X-Do: hex ffd8ff00"),
    (
        "contentType: shows aiff",
        "GET / ct.test | X-Do: untyped | X-Do: hex 464f524d0000000041494646",
    ),
    ("contentType: shows basic audio", "GET / ct.test | X-Do: untyped | X-Do: hex 2e736e6400"),
    ("contentType: shows mp3", "GET / ct.test | X-Do: untyped | X-Do: hex 49443300"),
    ("contentType: shows ogg", "GET / ct.test | X-Do: untyped | X-Do: hex 4f6767530000"),
    ("contentType: shows midi", "GET / ct.test | X-Do: untyped | X-Do: hex 4d54686400000006"),
    (
        "contentType: shows avi",
        "GET / ct.test | X-Do: untyped | X-Do: hex 524946460000000041564920",
    ),
    (
        "contentType: shows wave",
        "GET / ct.test | X-Do: untyped | X-Do: hex 524946460000000057415645",
    ),
    (
        "contentType: shows mp4",
        "GET / ct.test | X-Do: untyped | X-Do: hex 000000186674797069736f6d000000006d70343261766331",
    ),
    (
        "contentType: shows mp4 as major brand",
        "GET / ct.test | X-Do: untyped | X-Do: hex 0000000c667479706d703432",
    ),
    (
        "contentType: shows mp4 as a version",
        "GET / ct.test | X-Do: untyped | X-Do: hex 000000106674797069736f6d6d703432",
    ),
    (
        "contentType: shows mp4 cut off",
        "GET / ct.test | X-Do: untyped | X-Do: hex 0000001c6674797069736f6d000000006d70343261766331",
    ),
    (
        "contentType: shows mp4 of a strange size",
        "GET / ct.test | X-Do: untyped | X-Do: hex 000000196674797069736f6d000000006d703432617663317878787878",
    ),
    ("contentType: shows webm", "GET / ct.test | X-Do: untyped | X-Do: hex 1a45dfa300"),
    (
        "contentType: shows eot",
        "GET / ct.test | X-Do: untyped | X-Do: hex 000000000000000000000000000000000000000000000000000000000000000000004c5000",
    ),
    ("contentType: shows ttf", "GET / ct.test | X-Do: untyped | X-Do: hex 0001000000"),
    ("contentType: shows otf", "GET / ct.test | X-Do: untyped | X-Do: hex 4f54544f00"),
    ("contentType: shows ttc", "GET / ct.test | X-Do: untyped | X-Do: hex 7474636600"),
    ("contentType: shows woff", "GET / ct.test | X-Do: untyped | X-Do: hex 774f464600"),
    ("contentType: shows woff2", "GET / ct.test | X-Do: untyped | X-Do: hex 774f463200"),
    ("contentType: shows gzip", "GET / ct.test | X-Do: untyped | X-Do: hex 1f8b0800"),
    ("contentType: shows zip", "GET / ct.test | X-Do: untyped | X-Do: hex 504b0304"),
    ("contentType: shows rar", "GET / ct.test | X-Do: untyped | X-Do: hex 526172211a0700"),
    ("contentType: shows rar 5", "GET / ct.test | X-Do: untyped | X-Do: hex 526172211a070100"),
    ("contentType: shows wasm", "GET / ct.test | X-Do: untyped | X-Do: hex 0061736d01"),
    ("contentType: shows 7z", "GET / ct.test | X-Do: untyped | X-Do: hex 377abcaf271c"),
    ("contentType: shows escape sequences", "GET / ct.test | X-Do: untyped | X-Do: hex 1b5b316d"),
    ("contentType: shows binary", "GET / ct.test | X-Do: untyped | X-Do: hex 610b62"),
    ("contentType: shows delete", "GET / ct.test | X-Do: untyped | X-Do: hex 617f62"),
    ("contentType: shows high bytes", "GET / ct.test | X-Do: untyped | X-Do: hex c3a9ff"),
    ("contentType: shows only blanks", "GET / ct.test | X-Do: untyped | X-Do: hex 20200a"),
    (
        "contentType: shows binary beyond 512",
        "GET / ct.test | X-Do: untyped | X-Do: hex 616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616100",
    ),
    (
        "contentType: shows binary at 512",
        "GET / ct.test | X-Do: untyped | X-Do: hex 6161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616161616100",
    ),
];

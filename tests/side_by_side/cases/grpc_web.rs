//! gRPC-Web: requests in both forms, answers with and without trailers, preflights.

pub const PLAIN: &[(&str, &str)] = &[
    ("grpc: no gRPC-Web", "POST / grpc.test | Content-Type: text/plain | =hi"),
    ("grpc: gRPC itself", "POST / grpc.test | Content-Type: application/grpc | =hi"),
    ("grpc: GET", "GET / grpc.test | Content-Type: application/grpc-web"),
    ("grpc: PUT", "PUT / grpc.test | Content-Type: application/grpc-web | =hi"),
    ("grpc: type in capitals", "POST / grpc.test | Content-Type: Application/grpc-web | =hi"),
    (
        "grpc: binary",
        "POST / grpc.test | Content-Type: application/grpc-web | X-Grpc-Web: 1 | X-Do: chunked | X-Do: header Content-Type: application/grpc | =hi",
    ),
    (
        "grpc: binary, what the server sees",
        "POST /a.B/C grpc.test | Content-Type: application/grpc-web+proto | X-Grpc-Web: 1 | X-Do: chunked | =hi",
    ),
    (
        "grpc: binary, trailers",
        "POST / grpc.test | Content-Type: application/grpc-web | X-Do: header Content-Type: application/grpc | X-Do: body abc | X-Do: trailer Grpc-Status: 0 | X-Do: trailer Grpc-Message: well done | =hi",
    ),
    (
        "grpc: trailers with odd values",
        "POST / grpc.test | Content-Type: application/grpc-web | X-Do: header Content-Type: application/grpc+proto | X-Do: body abc | X-Do: trailer x-b:  v  | X-Do: trailer X-A: 2 | X-Do: trailer X-A: 1 | X-Do: trailer GRPC-STATUS: 7 | =hi",
    ),
    (
        "grpc: trailers named in the head, too",
        "POST / grpc.test | Content-Type: application/grpc-web | X-Do: header X-A: head | X-Do: body abc | X-Do: trailer X-A: trailer | X-Do: trailer X-B: b | =hi",
    ),
    (
        "grpc: status in the head",
        "POST / grpc.test | Content-Type: application/grpc-web | X-Do: header Content-Type: application/grpc | X-Do: header Grpc-Status: 5 | X-Do: chunked | X-Do: bytes 0 | =hi",
    ),
    (
        "grpc: answer of another type",
        "POST / grpc.test | Content-Type: application/grpc-web | X-Do: header Content-Type: text/html | X-Do: chunked | X-Do: body abc | =hi",
    ),
    (
        "grpc: answer without a type",
        "POST / grpc.test | Content-Type: application/grpc-web | X-Do: chunked | X-Do: body abc | =hi",
    ),
    (
        "grpc: error",
        "POST / grpc.test | Content-Type: application/grpc-web | X-Do: status 503 | X-Do: chunked | X-Do: body no | =hi",
    ),
    (
        "grpc: answer 204",
        "POST / grpc.test | Content-Type: application/grpc-web | X-Do: status 204 | =hi",
    ),
    (
        "grpc: answer with a length",
        "POST / grpc.test | Content-Type: application/grpc-web | X-Do: header Content-Type: application/grpc | X-Do: body abc | =hi",
    ),
    (
        "grpc: answer with Vary",
        "POST / grpc.test | Content-Type: application/grpc-web | Origin: https://a.test | X-Do: chunked | X-Do: header Vary: Accept | X-Do: header Access-Control-Allow-Origin: x | X-Do: header Access-Control-Expose-Headers: y | X-Do: body abc | =hi",
    ),
    ("grpc: dead server", "POST / dead.grpc.test | Content-Type: application/grpc-web | =hi"),
    (
        "grpc: dead server, text",
        "POST / dead.grpc.test | Content-Type: application/grpc-web-text | =aGk=",
    ),
    (
        "grpc: text",
        "POST / grpc.test | Content-Type: application/grpc-web-text | X-Do: header Content-Type: application/grpc | X-Do: chunked | X-Do: body abcd | =aGVsbG8=",
    ),
    (
        "grpc: text, trailers",
        "POST / grpc.test | Content-Type: application/grpc-web-text+proto | X-Do: header Content-Type: application/grpc+proto | X-Do: body abcd | X-Do: trailer grpc-status: 0 | =aGVsbG8=",
    ),
    (
        "grpc: text without padding",
        "POST / grpc.test | Content-Type: application/grpc-web-text | X-Do: chunked | X-Do: body x | =aGVs",
    ),
    (
        "grpc: no text in text",
        "POST / grpc.test | Content-Type: application/grpc-web-text | Content-Length: 0 | X-Do: chunked | X-Do: body x",
    ),
    (
        "grpc: allowed origin",
        "POST / grpc.test | Content-Type: application/grpc-web | Origin: https://a.test | X-Do: chunked | X-Do: body abc | =hi",
    ),
    (
        "grpc: second origin",
        "POST / grpc.test | Content-Type: application/grpc-web | Origin: https://b.test | X-Do: chunked | X-Do: body abc | =hi",
    ),
    (
        "grpc: foreign origin",
        "POST / grpc.test | Content-Type: application/grpc-web | Origin: https://c.test | X-Do: chunked | X-Do: body abc | =hi",
    ),
    (
        "grpc: origin in capitals",
        "POST / grpc.test | Content-Type: application/grpc-web | Origin: https://A.test | X-Do: chunked | X-Do: body abc | =hi",
    ),
    (
        "grpc: any origin",
        "POST / any.grpc.test | Content-Type: application/grpc-web | Origin: https://c.test | X-Do: chunked | X-Do: body abc | =hi",
    ),
    (
        "grpc: any origin, none sent",
        "POST / any.grpc.test | Content-Type: application/grpc-web | X-Do: chunked | X-Do: body abc | =hi",
    ),
    (
        "grpc: no origin allowed",
        "POST / none.grpc.test | Content-Type: application/grpc-web | Origin: https://c.test | X-Do: chunked | X-Do: body abc | =hi",
    ),
    (
        "grpc: preflight",
        "OPTIONS / grpc.test | Origin: https://a.test | Access-Control-Request-Method: POST | Access-Control-Request-Headers: content-type,x-grpc-web",
    ),
    (
        "grpc: preflight of any origin",
        "OPTIONS / any.grpc.test | Origin: https://c.test | Access-Control-Request-Method: POST | Access-Control-Request-Headers: content-type,x-grpc-web",
    ),
    (
        "grpc: preflight, odd list",
        "OPTIONS / grpc.test | Origin: https://a.test | Access-Control-Request-Method: post | Access-Control-Request-Headers: X-GRPC-WEB, x_user-AGENT ,,a!b  c.d",
    ),
    (
        "grpc: preflight of a foreign origin",
        "OPTIONS / grpc.test | Origin: https://c.test | Access-Control-Request-Method: POST | Access-Control-Request-Headers: x-grpc-web",
    ),
    (
        "grpc: preflight without an origin",
        "OPTIONS / grpc.test | Access-Control-Request-Method: POST | Access-Control-Request-Headers: x-grpc-web",
    ),
    (
        "grpc: preflight for PUT",
        "OPTIONS / grpc.test | Origin: https://a.test | Access-Control-Request-Method: PUT | Access-Control-Request-Headers: x-grpc-web",
    ),
    (
        "grpc: preflight for GET",
        "OPTIONS / grpc.test | Origin: https://a.test | Access-Control-Request-Method: GET | Access-Control-Request-Headers: x-grpc-web",
    ),
    (
        "grpc: preflight without x-grpc-web",
        "OPTIONS / grpc.test | Origin: https://a.test | Access-Control-Request-Method: POST | Access-Control-Request-Headers: content-type",
    ),
    (
        "grpc: before headers",
        "POST / before.grpc.test | Content-Type: application/grpc-web | Origin: https://a.test | X-Do: chunked | X-Do: body abc | =hi",
    ),
    (
        "grpc: after headers",
        "POST / after.grpc.test | Content-Type: application/grpc-web | Origin: https://a.test | X-Do: chunked | X-Do: body abc | =hi",
    ),
];

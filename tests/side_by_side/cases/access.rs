//! Addresses behind proxies (`ipStrategy`), and names that servers are told.

pub const PLAIN: &[(&str, &str)] = &[
    ("access: depth, header of nobody", "GET / d1.acc.test | X-Forwarded-For: 10.0.0.1"),
    ("access: depth, no header", "GET / d1.acc.test"),
    ("access: all of IPv4, no header", "GET / all4.acc.test"),
    ("access: IPv6 only", "GET / all6.acc.test"),
    ("access: 451", "GET / 451.acc.test"),
    ("access: 451, HEAD", "HEAD / 451.acc.test"),
    ("access: 204", "GET / 204.acc.test"),
    ("access: code zero", "GET / zero.acc.test"),
    ("access: subnet too long", "GET / subnet.acc.test"),
    ("access: less than none", "GET / none.acc.test"),
    ("access: no redis", "GET / redis.acc.test"),
    ("access: no redis, HEAD", "HEAD / redis.acc.test"),
    ("access: no redis, no limit", "GET / redis-free.acc.test"),
    ("access: user", "GET / user.acc.test | Authorization: Basic Ym9iOnNlY3JldA=="),
    (
        "access: user of a client's",
        "GET / user.acc.test | X-Web-User: eve | Authorization: Basic Ym9iOnNlY3JldA== | X-WEB-USER: ann",
    ),
    (
        "access: user taken off by Connection",
        "GET / user.acc.test | Authorization: Basic Ym9iOnNlY3JldA== | Connection: X-Web-User",
    ),
    (
        "access: look-alike of the user",
        "GET / user.acc.test | X_Web_User: eve | X-Web_User: ann | Authorization: Basic Ym9iOnNlY3JldA==",
    ),
    (
        "access: other look-alikes of the user",
        "GET / user.acc.test | X.Web.User: eve | X~Web-User: ann | Authorization: Basic Ym9iOnNlY3JldA==",
    ),
    (
        "access: two credentials",
        "GET / user.acc.test | Authorization: Basic Ym9iOnNlY3JldA== | Authorization: Bearer x",
    ),
    (
        "access: two credentials, the first wrong",
        "GET / user.acc.test | Authorization: Bearer x | Authorization: Basic Ym9iOnNlY3JldA==",
    ),
    (
        "access: credentials taken off by Connection",
        "GET / user.acc.test | Authorization: Basic Ym9iOnNlY3JldA== | Connection: Authorization",
    ),
];

/// From a peer whose `X-Forwarded-For` counts.
pub const TRUSTED: &[(&str, &str)] = &[
    ("behind: depth", "GET / d1.acc.test | X-Forwarded-For: 10.0.0.1"),
    ("behind: depth, another", "GET / d1.acc.test | X-Forwarded-For: 11.0.0.1"),
    ("behind: depth, the last counts", "GET / d1.acc.test | X-Forwarded-For: 10.0.0.1, 11.0.0.1"),
    ("behind: depth, the last is in", "GET / d1.acc.test | X-Forwarded-For: 11.0.0.1, 10.0.0.1"),
    (
        "behind: depth, the last line counts",
        "GET / d1.acc.test | X-Forwarded-For: 10.0.0.1 | X-Forwarded-For: 11.0.0.1",
    ),
    (
        "behind: depth, the last line is in",
        "GET / d1.acc.test | X-Forwarded-For: 11.0.0.1 | X-Forwarded-For: 10.0.0.1",
    ),
    (
        "behind: depth, lines of different case",
        "GET / d1.acc.test | X-Forwarded-For: 10.0.0.1 | Host-X: a | x-FORWARDED-for: 11.0.0.1",
    ),
    ("behind: depth two", "GET / d2.acc.test | X-Forwarded-For: 11.0.0.1, 10.0.0.1, 12.0.0.1"),
    (
        "behind: depth two over lines",
        "GET / d2.acc.test | X-Forwarded-For: 11.0.0.1, 10.0.0.1 | X-Forwarded-For: 12.0.0.1",
    ),
    (
        "behind: depth two, two lines",
        "GET / d2.acc.test | X-Forwarded-For: 10.0.0.1 | X-Forwarded-For: 12.0.0.1",
    ),
    ("behind: depth two of one", "GET / d2.acc.test | X-Forwarded-For: 10.0.0.1"),
    ("behind: depth, empty", "GET / d1.acc.test | X-Forwarded-For:"),
    ("behind: depth, ends in a comma", "GET / d1.acc.test | X-Forwarded-For: 10.0.0.1,"),
    ("behind: depth, blanks", "GET / d1.acc.test | X-Forwarded-For: 1.1.1.1 ,   10.0.0.1  "),
    ("behind: depth, a tab", "GET / d1.acc.test | X-Forwarded-For: 1.1.1.1,\t10.0.0.1"),
    ("behind: depth, a port", "GET / d1.acc.test | X-Forwarded-For: 10.0.0.1:8080"),
    ("behind: depth, an odd port", "GET / d1.acc.test | X-Forwarded-For: 10.0.0.1:x"),
    ("behind: depth, quotes", "GET / d1.acc.test | X-Forwarded-For: \"10.0.0.1\""),
    ("behind: depth, a zero in front", "GET / d1.acc.test | X-Forwarded-For: 010.0.0.1"),
    ("behind: depth, mapped", "GET / d1.acc.test | X-Forwarded-For: ::ffff:10.0.0.1"),
    ("behind: depth, IPv6", "GET / d1.acc.test | X-Forwarded-For: 2001:db8::1"),
    ("behind: depth, IPv6 in capitals", "GET / d1.acc.test | X-Forwarded-For: 2001:DB8::1"),
    ("behind: depth, IPv6 with a port", "GET / d1.acc.test | X-Forwarded-For: [2001:db8::1]:80"),
    ("behind: depth, unknown", "GET / d1.acc.test | X-Forwarded-For: unknown"),
    ("behind: depth, a name", "GET / d1.acc.test | X-Forwarded-For: localhost"),
    (
        "behind: depth, taken off by Connection",
        "GET / d1.acc.test | X-Forwarded-For: 10.0.0.1 | Connection: X-Forwarded-For",
    ),
    ("behind: excluded", "GET / ex.acc.test | X-Forwarded-For: 9.9.9.9, 10.0.0.1, 10.0.0.2"),
    (
        "behind: excluded, another",
        "GET / ex.acc.test | X-Forwarded-For: 9.9.9.9, 1.1.1.1, 10.0.0.2",
    ),
    ("behind: excluded, mapped", "GET / ex.acc.test | X-Forwarded-For: 9.9.9.9, ::ffff:10.0.0.1"),
    (
        "behind: excluded, allowed as mapped",
        "GET / ex.acc.test | X-Forwarded-For: 8.8.8.8, 10.0.0.1",
    ),
    (
        "behind: excluded over lines",
        "GET / ex.acc.test | X-Forwarded-For: 1.1.1.1 | X-Forwarded-For: 9.9.9.9, 10.0.0.2",
    ),
    (
        "behind: excluded over lines, another",
        "GET / ex.acc.test | X-Forwarded-For: 9.9.9.9 | X-Forwarded-For: 1.1.1.1, 10.0.0.2",
    ),
    ("behind: excluded, all of them", "GET / ex.acc.test | X-Forwarded-For: 10.0.0.1"),
    (
        "behind: excluded, not an address",
        "GET / ex.acc.test | X-Forwarded-For: 9.9.9.9, x, 10.0.0.1",
    ),
    ("behind: excluded, no header", "GET / ex.acc.test"),
    ("behind: depth wins over excluded", "GET / exd.acc.test | X-Forwarded-For: 10.0.0.1"),
    ("behind: subnet", "GET / v6.acc.test | X-Forwarded-For: 2001:db8:1:2:3:4:5:6"),
    ("behind: another subnet", "GET / v6.acc.test | X-Forwarded-For: 2001:db8:1:3:3:4:5:6"),
    ("behind: subnet, IPv4", "GET / v6.acc.test | X-Forwarded-For: 10.0.0.1"),
    ("behind: subnet, mapped", "GET / v6.acc.test | X-Forwarded-For: ::ffff:10.0.0.1"),
    ("behind: mapped range", "GET / mapped.acc.test | X-Forwarded-For: 10.9.9.9"),
    ("behind: mapped range, another", "GET / mapped.acc.test | X-Forwarded-For: 11.9.9.9"),
    (
        "behind: a header of two lines",
        "GET / header.acc.test | X-Forwarded-For: 1.1.1.1 | X-Forwarded-For: 2.2.2.2",
    ),
    ("behind: rate of one", "GET / rate.acc.test | X-Forwarded-For: 1.1.1.1"),
    ("behind: rate of the same", "GET / rate.acc.test | X-Forwarded-For: 2.2.2.2, 1.1.1.1"),
    (
        "behind: rate of the same by lines",
        "GET / rate.acc.test | X-Forwarded-For: 3.3.3.3 | X-Forwarded-For: 1.1.1.1",
    ),
    ("behind: rate of a subnet", "GET / rate.acc.test | X-Forwarded-For: 2001:db8::1"),
    ("behind: rate of the same subnet", "GET / rate.acc.test | X-Forwarded-For: 2001:db8::2"),
    ("behind: rate of nobody", "GET / rate.acc.test"),
    ("behind: rate of nobody again", "GET / rate.acc.test | X-Forwarded-For: 1.1.1.1,"),
    ("behind: rate, excluded", "GET / rate-ex.acc.test | X-Forwarded-For: 1.1.1.1, 10.0.0.1"),
    ("behind: rate, excluded, the same", "GET / rate-ex.acc.test | X-Forwarded-For: 1.1.1.1"),
];

//! Base names: how a container or service is called where its labels name nothing.

pub use swarmgate_config::name::normalize;

#[cfg(test)]
mod tests {
    use super::normalize;

    #[test]
    fn names() {
        let table = [
            ("demo-d2_x.y", "demo-d2-x-y"),
            ("shop_web", "shop-web"),
            ("Web_Proj", "Web-Proj"),
            ("__a//b__", "a-b"),
            ("größe.1", "größe-1"),
            ("", ""),
            ("---", ""),
        ];
        for (name, expected) in table {
            assert_eq!(normalize(name), expected, "{name:?}");
        }
    }
}

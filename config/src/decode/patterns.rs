//! Finds the nodes that dotted patterns name; `*` stands for one level, case does not count.

use super::tree::{Id, ROOT, Tree};

/// Every node that a pattern names, with the pattern's index, in the order of the tree.
pub(super) fn matches<'p>(
    tree: &Tree,
    patterns: impl IntoIterator<Item = &'p str>,
) -> Vec<(Id, usize)> {
    let active: Vec<(usize, Vec<&str>)> = patterns
        .into_iter()
        .enumerate()
        .map(|(index, pattern)| (index, pattern.split('.').collect()))
        .collect();
    let active: Vec<(usize, &[&str])> =
        active.iter().map(|(index, levels)| (*index, levels.as_slice())).collect();
    let mut found = Vec::new();
    walk(tree, ROOT, &active, &mut found);
    found
}

fn walk(tree: &Tree, id: Id, active: &[(usize, &[&str])], found: &mut Vec<(Id, usize)>) {
    if active.is_empty() {
        return;
    }
    for child in tree.children(id) {
        let name = &tree.node(child).name;
        let mut below: Vec<(usize, &[&str])> = Vec::new();
        for (index, levels) in active {
            if let Some((first, rest)) = levels.split_first()
                && (*first == "*" || first.eq_ignore_ascii_case(name))
            {
                if rest.is_empty() {
                    found.push((child, *index));
                } else {
                    below.push((*index, rest));
                }
            }
        }
        walk(tree, child, &below, found);
    }
}

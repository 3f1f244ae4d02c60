//! Finding tools by words: an inverted index ranked with BM25 over weighted fields (BM25F).
//!
//! Robertson, Zaragoza: "The Probabilistic Relevance Framework: BM25 and Beyond", section 3.6. A word that
//! only begins with a query's word counts too, but less.

mod words;

use std::collections::{BTreeMap, HashMap, HashSet};

use words::words;

/// How fast a word's weight saturates as it is repeated.
const K1: f64 = 1.2;
/// How much a long text is held against it.
const B: f64 = 0.5;
/// What a word counts that only begins as the query's does.
const PREFIX: f64 = 0.4;
/// Shortest word of a query that is looked for as the beginning of others, in characters.
const MIN_PREFIX: usize = 3;
/// Most words that a query's word is taken to begin: a short one would else touch the whole index.
const MAX_EXPANSION: usize = 256;
/// Most words of a query that count.
const MAX_QUERY_WORDS: usize = 32;

/// What is searched of a tool.
#[derive(Debug, Clone, Copy, Default)]
pub struct Texts<'a> {
    /// The documented name.
    pub name: &'a str,
    /// The title, or nothing.
    pub title: &'a str,
    /// The description.
    pub description: &'a str,
    /// The tags.
    pub tags: &'a [String],
}

impl Texts<'_> {
    /// Each word with its weight: what a tool is called says more than what is told about it.
    fn weigh(&self) -> HashMap<String, f64> {
        let mut weights = HashMap::new();
        let mut add = |text: &str, weight: f64| {
            for word in words(text) {
                *weights.entry(word).or_insert(0.0) += weight;
            }
        };
        add(self.name, 4.0);
        add(self.title, 3.0);
        self.tags.iter().for_each(|tag| add(tag, 3.0));
        add(self.description, 1.0);
        weights
    }
}

/// An index of documents, each known by a number that the caller chooses.
#[derive(Debug, Default)]
pub struct SearchIndex {
    /// Each word, with its weight in each document that has it.
    postings: BTreeMap<String, HashMap<u32, f64>>,
    documents: HashMap<u32, Document>,
    total_length: f64,
}

#[derive(Debug)]
struct Document {
    words: Vec<String>,
    length: f64,
}

impl SearchIndex {
    /// Puts a document in, in the place of the one with the same number.
    pub fn insert(&mut self, number: u32, texts: &Texts<'_>) {
        self.remove(number);
        let weights = texts.weigh();
        let length = weights.values().sum();
        let mut document = Document { words: Vec::with_capacity(weights.len()), length };
        for (word, weight) in weights {
            document.words.push(word.clone());
            self.postings.entry(word).or_default().insert(number, weight);
        }
        self.total_length += length;
        self.documents.insert(number, document);
    }

    /// Takes a document out.
    pub fn remove(&mut self, number: u32) {
        let Some(document) = self.documents.remove(&number) else { return };
        self.total_length -= document.length;
        for word in document.words {
            if let Some(posting) = self.postings.get_mut(&word) {
                posting.remove(&number);
                if posting.is_empty() {
                    self.postings.remove(&word);
                }
            }
        }
    }

    /// Documents that have words of the query, each with a score above 0, in no order.
    pub fn search(&self, query: &str) -> Vec<(u32, f64)> {
        let mut asked = HashSet::new();
        let terms: Vec<String> =
            words(query).filter(|word| asked.insert(word.clone())).take(MAX_QUERY_WORDS).collect();
        let mut scores: HashMap<u32, (f64, u32)> = HashMap::new();
        for term in &terms {
            for (number, score) in self.score(term) {
                let entry = scores.entry(number).or_default();
                entry.0 += score;
                entry.1 += 1;
            }
        }
        let terms = f64::from(u32::try_from(terms.len()).unwrap_or(u32::MAX).max(1));
        // Who has all of the words comes before who has one of them often.
        scores
            .into_iter()
            .map(|(number, (score, found))| (number, score * f64::from(found) / terms))
            .collect()
    }

    /// Each document that has the term, or a word that begins so, with the best of their scores.
    fn score(&self, term: &str) -> HashMap<u32, f64> {
        let mut best: HashMap<u32, f64> = HashMap::new();
        let mut count = |posting: &HashMap<u32, f64>, factor: f64| {
            let rarity = self.rarity(posting.len());
            for (number, weight) in posting {
                let score = factor * rarity * self.saturated(*number, *weight);
                let best = best.entry(*number).or_default();
                *best = best.max(score);
            }
        };
        if let Some(posting) = self.postings.get(term) {
            count(posting, 1.0);
        }
        if term.chars().count() >= MIN_PREFIX {
            let longer =
                self.postings.range(term.to_owned()..).skip_while(|(word, _)| *word == term);
            let longer = longer.take_while(|(word, _)| word.starts_with(term));
            longer.take(MAX_EXPANSION).for_each(|(_, posting)| count(posting, PREFIX));
        }
        best
    }

    /// The inverse document frequency; above 0 also for a word that every document has.
    fn rarity(&self, having: usize) -> f64 {
        let (all, having) = (count(self.documents.len()), count(having));
        (1.0 + (all - having + 0.5) / (having + 0.5)).ln()
    }

    fn saturated(&self, number: u32, weight: f64) -> f64 {
        let length = self.documents.get(&number).map_or(0.0, |document| document.length);
        let average = self.total_length / count(self.documents.len().max(1));
        let norm = 1.0 - B + B * length / average.max(f64::MIN_POSITIVE);
        weight * (K1 + 1.0) / (weight + K1 * norm)
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(documents: &[(&str, &str, &str, &[&str])]) -> SearchIndex {
        let mut index = SearchIndex::default();
        for (number, (name, title, description, tags)) in (0..).zip(documents) {
            let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
            index.insert(number, &Texts { name, title, description, tags: &tags });
        }
        index
    }

    fn found(index: &SearchIndex, query: &str) -> Vec<u32> {
        let mut found = index.search(query);
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.into_iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn the_name_counts_more_than_the_description() {
        let index = index(&[
            ("text.split", "", "Cuts text where a word such as invoice stands.", &[]),
            ("invoice.create", "", "Makes one.", &[]),
            ("money.bill", "", "Makes a bill.", &["invoice"]),
            ("weather.now", "Weather", "The weather at a place.", &[]),
        ]);
        assert_eq!(found(&index, "invoice"), [1, 2, 0]);
        assert_eq!(found(&index, "INVOICES"), [1, 2, 0], "case and number don't matter");
        assert_eq!(found(&index, "create an invoice")[0], 1);
        assert_eq!(found(&index, "weat"), [3], "the beginning of a word is enough");
        assert_eq!(found(&index, "zebra"), [0_u32; 0]);
        assert_eq!(found(&index, "  ...  "), [0_u32; 0]);
    }

    #[test]
    fn who_has_all_the_words_comes_first() {
        let index = index(&[
            ("pdf.pdf", "PDF", "pdf pdf pdf", &["pdf"]),
            ("convert.file", "", "Turns a pdf into text.", &[]),
        ]);
        assert_eq!(found(&index, "convert pdf text"), [1, 0]);
    }

    #[test]
    fn what_is_replaced_or_removed_is_not_found() {
        let mut index = index(&[("old.name", "", "d", &[]), ("other.tool", "", "d", &[])]);
        index.insert(0, &Texts { name: "new.name", description: "d", ..Texts::default() });
        assert_eq!(found(&index, "old"), [0_u32; 0]);
        assert_eq!(found(&index, "new"), [0]);
        index.remove(0);
        index.remove(1);
        index.remove(1);
        assert!(index.postings.is_empty() && index.documents.is_empty());
        assert!(index.total_length.abs() < 1e-9);
    }
}

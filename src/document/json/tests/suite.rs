//! RFC 8259, case by case. The names are those of the well-known collection of parser tests: `y` must
//! be read, `n` must be refused, `i` is left to the reader. What is not UTF-8 never gets here: such a
//! file is `binary`.

use crate::diagnostic::Code;
use crate::document::testing::shown;

use super::read;

/// What must be read, as what `serde_json` reads.
const READ: &[(&str, &str)] = &[
    ("array_arraysWithSpaces", "[[]   ]"),
    ("array_empty-string", r#"[""]"#),
    ("array_empty", "[]"),
    ("array_ending_with_newline", "[\"a\"]\n"),
    ("array_false", "[false]"),
    ("array_heterogeneous", r#"[null, 1, "1", {}]"#),
    ("array_null", "[null]"),
    ("array_with_1_and_newline", "[1\n]"),
    ("array_with_leading_space", " [1]"),
    ("array_with_several_null", "[1,null,null,null,2]"),
    ("array_with_trailing_space", "[2] "),
    ("number", "[123e65]"),
    ("number_0e+1", "[0e+1]"),
    ("number_0e1", "[0e1]"),
    ("number_after_space", "[ 4]"),
    (
        "number_double_close_to_zero",
        "[-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]",
    ),
    ("number_int_with_exp", "[20e1]"),
    ("number_minus_zero", "[-0]"),
    ("number_negative_int", "[-123]"),
    ("number_negative_one", "[-1]"),
    ("number_real_capital_e", "[1E22]"),
    ("number_real_capital_e_neg_exp", "[1E-2]"),
    ("number_real_capital_e_pos_exp", "[1E+2]"),
    ("number_real_exponent", "[123e45]"),
    ("number_real_fraction_exponent", "[123.456e78]"),
    ("number_real_neg_exp", "[1e-2]"),
    ("number_real_pos_exponent", "[1e+2]"),
    ("number_simple_int", "[123]"),
    ("number_simple_real", "[123.456789]"),
    ("object", r#"{"asd":"sdf", "dfg":"fgh"}"#),
    ("object_basic", r#"{"asd":"sdf"}"#),
    ("object_empty", "{}"),
    ("object_empty_key", r#"{"":0}"#),
    ("object_escaped_null_in_key", r#"{"foo\u0000bar": 42}"#),
    (
        "object_extreme_numbers",
        r#"{ "min": -1.0e+28, "max": 1.0e+28 }"#,
    ),
    (
        "object_long_strings",
        r#"{"x":[{"id": "xxxxxxxxxxxxxxxxxxxx"}], "id": "xxxxxxxxxxxxxxxxxxxx"}"#,
    ),
    ("object_simple", r#"{"a":[]}"#),
    (
        "object_string_unicode",
        r#"{"title":"\u041f\u043e\u043b" }"#,
    ),
    ("object_with_newlines", "{\n\"a\": \"b\"\n}"),
    (
        "string_1_2_3_bytes_UTF-8_sequences",
        r#"["\u0060\u012a\u12AB"]"#,
    ),
    ("string_accepted_surrogate_pair", r#"["\uD801\udc37"]"#),
    (
        "string_accepted_surrogate_pairs",
        r#"["\ud83d\ude39\ud83d\udc8d"]"#,
    ),
    ("string_allowed_escapes", r#"["\"\\\/\b\f\n\r\t"]"#),
    ("string_backslash_and_u_escaped_zero", r#"["\\u0000"]"#),
    ("string_backslash_doublequotes", r#"["\""]"#),
    ("string_comments", r#"["a/*b*/c/*d//e"]"#),
    ("string_double_escape_a", r#"["\\a"]"#),
    ("string_double_escape_n", r#"["\\n"]"#),
    ("string_escaped_control_character", r#"["\u0012"]"#),
    ("string_escaped_noncharacter", r#"["\uFFFF"]"#),
    ("string_in_array", r#"["asd"]"#),
    ("string_in_array_with_leading_space", r#"[ "asd"]"#),
    ("string_last_surrogates_1_and_2", r#"["\uDBFF\uDFFF"]"#),
    ("string_nbsp_uescaped", r#"["new\u00A0line"]"#),
    ("string_nonCharacterInUTF-8_U+10FFFF", "[\"\u{10FFFF}\"]"),
    ("string_nonCharacterInUTF-8_U+FFFF", "[\"\u{FFFF}\"]"),
    ("string_null_escape", r#"["\u0000"]"#),
    ("string_one-byte-utf-8", r#"["\u002c"]"#),
    ("string_pi", r#"["π"]"#),
    ("string_reservedCharacterInUTF-8_U+1BFFF", "[\"\u{1BFFF}\"]"),
    ("string_simple_ascii", r#"["asd "]"#),
    ("string_space", r#"" ""#),
    (
        "string_surrogates_U+1D11E_MUSICAL_SYMBOL_G_CLEF",
        r#"["\uD834\uDd1e"]"#,
    ),
    ("string_three-byte-utf-8", r#"["\u0821"]"#),
    ("string_two-byte-utf-8", r#"["\u0123"]"#),
    ("string_u+2028_line_sep", "[\"\u{2028}\"]"),
    ("string_u+2029_par_sep", "[\"\u{2029}\"]"),
    ("string_uEscape", r#"["\u0061\u30af\u30EA\u30b9"]"#),
    ("string_unescaped_char_delete", "[\"\u{7f}\"]"),
    ("string_unicode_2", r#"["⍂㈴⍂"]"#),
    ("string_unicodeEscapedBackslash", r#"["\u005C"]"#),
    ("string_unicode_escaped_double_quote", r#"["\u0022"]"#),
    ("string_unicode_U+10FFFE_nonchar", r#"["\uDBFF\uDFFE"]"#),
    ("string_unicode_U+200B_ZERO_WIDTH_SPACE", r#"["\u200B"]"#),
    ("string_unicode_U+FDD0_nonchar", r#"["\uFDD0"]"#),
    ("string_utf8", "[\"€𝄞\"]"),
    ("string_with_del_character", "[\"a\u{7f}a\"]"),
    ("structure_lonely_false", "false"),
    ("structure_lonely_int", "42"),
    ("structure_lonely_negative_real", "-0.1"),
    ("structure_lonely_null", "null"),
    ("structure_lonely_string", r#""asd""#),
    ("structure_lonely_true", "true"),
    ("structure_string_empty", r#""""#),
    ("structure_trailing_newline", "[\"a\"]\n"),
    ("structure_true_in_array", "[true]"),
    ("structure_whitespace_array", " [] "),
];

const REFUSED: &[(&str, &str)] = &[
    ("array_1_true_without_comma", "[1 true]"),
    ("array_colon_instead_of_comma", r#"["": 1]"#),
    ("array_comma_after_close", r#"[""],"#),
    ("array_comma_and_number", "[,1]"),
    ("array_double_comma", "[1,,2]"),
    ("array_double_extra_comma", r#"["x",,]"#),
    ("array_extra_close", r#"["x"]]"#),
    ("array_extra_comma", r#"["",]"#),
    ("array_incomplete", r#"["x""#),
    ("array_incomplete_invalid_value", "[x"),
    ("array_inner_array_no_comma", "[3[4]]"),
    ("array_items_separated_by_semicolon", "[1:2]"),
    ("array_just_comma", "[,]"),
    ("array_just_minus", "[-]"),
    ("array_missing_value", "[   , \"\"]"),
    ("array_newlines_unclosed", "[\"a\",\n4\n,1,"),
    ("array_number_and_comma", "[1,]"),
    ("array_number_and_several_commas", "[1,,]"),
    ("array_spaces_vertical_tab_formfeed", "[\"\u{b}a\"\\f]"),
    ("array_star_inside", "[*]"),
    ("array_unclosed", r#"[""#),
    ("array_unclosed_trailing_comma", "[1,"),
    ("array_unclosed_with_new_lines", "[1,\n1\n,1"),
    ("array_unclosed_with_object_inside", "[{}"),
    ("incomplete_false", "[fals]"),
    ("incomplete_null", "[nul]"),
    ("incomplete_true", "[tru]"),
    ("multidigit_number_then_00", "123\0"),
    ("number_++", "[++1234]"),
    ("number_+1", "[+1]"),
    ("number_+Inf", "[+Inf]"),
    ("number_-01", "[-01]"),
    ("number_-1.0.", "[-1.0.]"),
    ("number_-2.", "[-2.]"),
    ("number_-NaN", "[-NaN]"),
    ("number_.-1", "[.-1]"),
    ("number_.2e-3", "[.2e-3]"),
    ("number_0.1.2", "[0.1.2]"),
    ("number_0.3e+", "[0.3e+]"),
    ("number_0.3e", "[0.3e]"),
    ("number_0.e1", "[0.e1]"),
    ("number_0_capital_E+", "[0E+]"),
    ("number_0_capital_E", "[0E]"),
    ("number_0e+", "[0e+]"),
    ("number_0e", "[0e]"),
    ("number_1.0e+", "[1.0e+]"),
    ("number_1.0e-", "[1.0e-]"),
    ("number_1.0e", "[1.0e]"),
    ("number_1_000", "[1 000.0]"),
    ("number_1eE2", "[1eE2]"),
    ("number_2.e+3", "[2.e+3]"),
    ("number_2.e-3", "[2.e-3]"),
    ("number_2.e3", "[2.e3]"),
    ("number_9.e+", "[9.e+]"),
    ("number_Inf", "[Inf]"),
    ("number_NaN", "[NaN]"),
    ("number_U+FF11_fullwidth_digit_one", "[１]"),
    ("number_expression", "[1+2]"),
    ("number_hex_1_digit", "[0x1]"),
    ("number_hex_2_digits", "[0x42]"),
    ("number_infinity", "[Infinity]"),
    ("number_invalid+-", "[0e+-1]"),
    ("number_invalid-negative-real", "[-123.123foo]"),
    ("number_minus_infinity", "[-Infinity]"),
    ("number_minus_sign_with_trailing_garbage", "[-foo]"),
    ("number_minus_space_1", "[- 1]"),
    ("number_neg_int_starting_with_zero", "[-012]"),
    ("number_neg_real_without_int_part", "[-.123]"),
    ("number_neg_with_garbage_at_end", "[-1x]"),
    ("number_real_garbage_after_e", "[1ea]"),
    ("number_real_without_fractional_part", "[1.]"),
    ("number_starting_with_dot", "[.123]"),
    ("number_with_alpha", "[1.2a-3]"),
    ("number_with_alpha_char", "[1.8011670033376514H-308]"),
    ("number_with_leading_zero", "[012]"),
    ("object_bad_value", r#"["x", truth]"#),
    ("object_bracket_key", r#"{[: "x"}"#),
    ("object_comma_instead_of_colon", r#"{"x", null}"#),
    ("object_double_colon", r#"{"x"::"b"}"#),
    ("object_emoji", "{🇨🇭}"),
    ("object_garbage_at_end", r#"{"a":"a" 123}"#),
    ("object_key_with_single_quotes", "{key: 'value'}"),
    ("object_missing_colon", r#"{"a" b}"#),
    ("object_missing_key", r#"{:"b"}"#),
    ("object_missing_semicolon", r#"{"a" "b"}"#),
    ("object_missing_value", r#"{"a":"#),
    ("object_no-colon", r#"{"a""#),
    ("object_non_string_key", "{1:1}"),
    (
        "object_non_string_key_but_huge_number_instead",
        "{9999E9999:1}",
    ),
    ("object_repeated_null_null", "{null:null,null:null}"),
    ("object_several_trailing_commas", r#"{"id":0,,,,,}"#),
    ("object_single_quote", "{'a':0}"),
    ("object_trailing_comma", r#"{"id":0,}"#),
    ("object_trailing_comment", r#"{"a":"b"}/**/"#),
    ("object_trailing_comment_open", r#"{"a":"b"}/**//"#),
    ("object_trailing_comment_slash_open", r#"{"a":"b"}//"#),
    (
        "object_trailing_comment_slash_open_incomplete",
        r#"{"a":"b"}/"#,
    ),
    ("object_two_commas_in_a_row", r#"{"a":"b",,"c":"d"}"#),
    ("object_unquoted_key", r#"{a: "b"}"#),
    ("object_unterminated-value", r#"{"a":"a"#),
    ("object_with_single_string", r#"{ "foo" : "bar", "a" }"#),
    ("object_with_trailing_garbage", r#"{"a":"b"}#"#),
    ("single_space", " "),
    ("string_1_surrogate_then_escape", r#"["\uD800\"]"#),
    ("string_1_surrogate_then_escape_u", r#"["\uD800\u"]"#),
    ("string_1_surrogate_then_escape_u1", r#"["\uD800\u1"]"#),
    ("string_1_surrogate_then_escape_u1x", r#"["\uD800\u1x"]"#),
    ("string_accentuated_char_no_quotes", "[é]"),
    ("string_backslash_00", "[\"\\\0\"]"),
    ("string_escape_x", r#"["\x00"]"#),
    ("string_escaped_backslash_bad", r#"["\\\"]"#),
    ("string_escaped_ctrl_char_tab", "[\"\\\t\"]"),
    ("string_escaped_emoji", r#"["\🌀"]"#),
    ("string_incomplete_escape", r#"["\"]"#),
    ("string_incomplete_escaped_character", r#"["\u00A"]"#),
    ("string_incomplete_surrogate", r#"["\uD834\uDd"]"#),
    (
        "string_incomplete_surrogate_escape_invalid",
        r#"["\uD800\uD800\x"]"#,
    ),
    ("string_invalid_backslash_esc", r#"["\a"]"#),
    ("string_invalid_unicode_escape", r#"["\uqqqq"]"#),
    ("string_leading_uescaped_thinspace", r#"[\u0020"asd"]"#),
    ("string_no_quotes_with_bad_escape", r"[\n]"),
    ("string_single_doublequote", "\""),
    ("string_single_quote", "['single quote']"),
    ("string_single_string_no_double_quotes", "abc"),
    ("string_start_escape_unclosed", "[\"\\"),
    ("string_unescaped_ctrl_char", "[\"a\0a\"]"),
    ("string_unescaped_newline", "[\"new\nline\"]"),
    ("string_unescaped_tab", "[\"\t\"]"),
    ("string_unicode_CapitalU", r#""\UA66D""#),
    ("string_with_trailing_garbage", r#""""x"#),
    ("structure_U+2060_word_joined", "[\u{2060}]"),
    ("structure_angle_bracket_.", "<.>"),
    ("structure_angle_bracket_null", "[<null>]"),
    ("structure_array_trailing_garbage", "[1]x"),
    ("structure_array_with_extra_array_close", "[1]]"),
    ("structure_array_with_unclosed_string", r#"["asd]"#),
    ("structure_ascii-unicode-identifier", "aå"),
    ("structure_capitalized_True", "[True]"),
    ("structure_close_unopened_array", "1]"),
    ("structure_comma_instead_of_closing_brace", r#"{"x": true,"#),
    ("structure_double_array", "[][]"),
    ("structure_end_array", "]"),
    ("structure_lone-open-bracket", "["),
    ("structure_no_data", ""),
    ("structure_null-byte-outside-string", "[\0]"),
    ("structure_number_with_trailing_garbage", "2@"),
    ("structure_object_followed_by_closing_object", "{}}"),
    ("structure_object_unclosed_no_value", r#"{"":"#),
    ("structure_object_with_comment", r#"{"a":/*comment*/"b"}"#),
    (
        "structure_object_with_trailing_garbage",
        r#"{"a": true} "x""#,
    ),
    ("structure_open_array_apostrophe", "['"),
    ("structure_open_array_comma", "[,"),
    ("structure_open_array_open_object", "[{"),
    ("structure_open_array_open_string", "[\"a"),
    ("structure_open_array_string", r#"["a""#),
    ("structure_open_object", "{"),
    ("structure_open_object_close_array", "{]"),
    ("structure_open_object_comma", "{,"),
    ("structure_open_object_open_array", "{["),
    ("structure_open_object_open_string", "{\"a"),
    ("structure_open_object_string_with_apostrophes", "{'a'"),
    ("structure_open_open", r#"["\{["\{["\{["\{"#),
    ("structure_single_star", "*"),
    ("structure_trailing_#", r#"{"a":"b"}#{}"#),
    ("structure_uescaped_LF_before_string", r#"[\u000A""]"#),
    ("structure_unclosed_array", "[1"),
    ("structure_unclosed_array_partial_null", "[ false, nul"),
    ("structure_unclosed_array_unfinished_false", "[ true, fals"),
    ("structure_unclosed_array_unfinished_true", "[ false, tru"),
    ("structure_unclosed_object", r#"{"asd":"asd""#),
    ("structure_unicode-identifier", "å"),
    ("structure_UTF8_BOM_no_data", "\u{FEFF}"),
    ("structure_whitespace_U+2060_word_joiner", "[\u{2060}]"),
    ("structure_whitespace_formfeed", "[\u{c}]"),
];

#[test]
fn what_must_be_read_is_read() {
    for (name, text) in READ {
        let documents = read(text);
        assert_eq!(shown(&documents), "", "y_{name}");
        let expected: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(documents.roots[0].to_json(), expected, "y_{name}");
    }
}

#[test]
fn what_must_be_refused_is_refused() {
    for (name, text) in REFUSED {
        let documents = read(text);
        assert!(documents.roots.is_empty(), "n_{name}");
        let codes: Vec<_> = documents.diagnostics.iter().map(|d| d.code).collect();
        assert!(codes.contains(&Code::Syntax), "n_{name}: {codes:?}");
        let bare = text.trim_start_matches('\u{FEFF}');
        assert!(
            serde_json::from_str::<serde_json::Value>(bare).is_err(),
            "n_{name}"
        );
    }
}

#[test]
fn nesting_beyond_all_measure_is_refused() {
    for (name, text) in [
        ("n_structure_100000_opening_arrays", "[".repeat(100_000)),
        ("n_structure_open_array_object", r#"[{"":"#.repeat(50_000)),
        (
            "i_structure_500_nested_arrays",
            "[".repeat(500) + &"]".repeat(500),
        ),
    ] {
        let documents = read(&text);
        assert_eq!(documents.diagnostics[0].code, Code::TooDeep, "{name}");
        assert!(documents.roots.is_empty(), "{name}");
    }
}

#[test]
fn equal_keys_are_refused_although_the_grammar_allows_them() {
    for (name, text) in [
        ("y_object_duplicated_key", r#"{"a":"b","a":"c"}"#),
        ("y_object_duplicated_key_and_value", r#"{"a":"b","a":"b"}"#),
    ] {
        assert_eq!(read(text).diagnostics[0].code, Code::DuplicateKey, "{name}");
    }
}

/// What the reader may choose: numbers that a double cannot hold and halves of surrogate pairs are
/// refused, as Port could not keep them; numbers that it can hold almost are rounded.
#[test]
fn what_is_left_open_is_decided() {
    for (name, text, expected) in [
        (
            "number_double_huge_neg_exp",
            "[123.456e-789]",
            Some("[0.0]"),
        ),
        ("number_real_underflow", "[123e-10000000]", Some("[0.0]")),
        (
            "number_huge_exp",
            "[0.4e00669999999999999999999999999999999999999999969999999006]",
            None,
        ),
        ("number_neg_int_huge_exp", "[-1e+9999]", None),
        ("number_pos_double_huge_exp", "[1.5e+9999]", None),
        ("number_real_neg_overflow", "[-123123e100000]", None),
        ("number_real_pos_overflow", "[123123e100000]", None),
        (
            "number_too_big_neg_int",
            "[-123123123123123123123123123123]",
            Some("[-1.2312312312312312e29]"),
        ),
        (
            "number_too_big_pos_int",
            "[100000000000000000000]",
            Some("[1e20]"),
        ),
        (
            "number_very_big_negative_int",
            "[-237462374673276894279832749832423479823246327846]",
            Some("[-2.374623746732769e47]"),
        ),
        ("object_key_lone_2nd_surrogate", r#"{"\uDFAA":0}"#, None),
        (
            "string_1st_surrogate_but_2nd_missing",
            r#"["\uDADA"]"#,
            None,
        ),
        (
            "string_1st_valid_surrogate_2nd_invalid",
            r#"["\uD888\u1234"]"#,
            None,
        ),
        (
            "string_incomplete_surrogate_and_escape_valid",
            r#"["\uD800\n"]"#,
            None,
        ),
        ("string_incomplete_surrogate_pair", r#"["\uDd1ea"]"#, None),
        (
            "string_incomplete_surrogates_escape_valid",
            r#"["\uD800\uD800\n"]"#,
            None,
        ),
        (
            "string_inverted_surrogates_U+1D11E",
            r#"["\uDd1e\uD834"]"#,
            None,
        ),
        ("structure_UTF-8_BOM_empty_object", "\u{FEFF}{}", Some("{}")),
    ] {
        let found = read(text).roots.first().map(|root| root.to_json());
        let expected: Option<serde_json::Value> =
            expected.map(|text| serde_json::from_str(text).unwrap());
        assert_eq!(found, expected, "i_{name}");
    }
}

"""The BERT uncased WordPiece tokenizer without special tokens, as the shipped table expects it."""
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers


def tokenizer(vocab: list[str]) -> Tokenizer:
    """No [CLS] or [SEP] is added and the text "[SEP]" is ordinary text: three tokens, not one."""
    wordpiece = models.WordPiece({token: i for i, token in enumerate(vocab)}, unk_token='[UNK]', max_input_chars_per_word=100)
    built = Tokenizer(wordpiece)
    built.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
    built.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return built

"""Is a tweet in another language than English? A guess by its commonest words, honest about being one.

Scripts other than Latin are seen by their letters (`rpbert.model.texts.mostly_foreign`). For languages in Latin letters
this counts function words: short, frequent, and rarely part of a name. Few words decide nothing, and neither do names
such as "Picos de Europa" in an English sentence.
"""

from collections.abc import Sequence

LEAST_WORDS, LEAST_SHARE = 2, 0.2  # different function words, and their share of all words, that a guess rests on

_WORDS = {
    "English": "the a an and of to in is are was were be been it this that for on with at by from you he she we they "
    "my your our his her not have has had will would can just what when who how all so but or as if out up about",
    "Spanish": "el la los las un una de del en y que es por para con no se su al lo como más pero sus le ya o este sí "
    "porque esta entre cuando muy sin sobre también me hasta hay donde quien desde todo nos durante estoy está mi hoy",
    "French": "le la les un une des de du et en est que qui dans pour pas sur avec ce cette il elle nous vous au aux "
    "par plus je ne se son sa ses mais ou comme tout très sont être c'est j'ai aujourd'hui mon ma",
    "German": "der die das und ist in den von zu mit sich des auf für nicht ein eine einen dem im es auch als an nach "
    "wie bei aus wird sind noch nur um aber über ich wir sie ihr heute war haben hat mein meine",
    "Italian": "il lo la i gli le un una di del della dei che è e in per con non si da al alla sono come più ma anche "
    "questo questa nel nella mi ti ci oggi ho ha sei suo sua",
    "Portuguese": "o a os as um uma de do da dos das em no na que é e para com não se por mais como mas foi ao ele ela "
    "seu sua ou quando muito nos já eu também só pelo pela até isso hoje meu minha está",
    "Dutch": "de het een en van ik te dat die in is niet op met voor zijn er aan om dan ook als maar naar bij nog uit "
    "wij je hij ze heeft mijn vandaag",
    "Indonesian": "yang dan di ini itu dengan untuk tidak dari dalam akan pada juga saya ke karena ada kita aku kamu "
    "sudah bisa hari",
    "Turkish": "bir ve bu için da de ne çok gibi ama en daha olarak var ben sen biz ile mi bugün değil kadar her",
}
FUNCTION_WORDS = {language: frozenset(words.split()) for language, words in _WORDS.items()}


def guess_language(words: Sequence[str]) -> str:
    """The language that the words of a tweet most look like; English where little speaks for another."""
    plain = [word.casefold() for word in words if word[:1].isalpha()]
    counts = {language: sum(word in known for word in plain) for language, known in FUNCTION_WORDS.items()}
    best = max(counts, key=lambda language: counts[language])
    different = len(FUNCTION_WORDS[best].intersection(plain))
    clear = different >= LEAST_WORDS and counts[best] >= LEAST_SHARE * len(plain) and counts[best] > counts["English"]
    return best if clear else "English"

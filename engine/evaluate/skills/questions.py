"""Sixty questions over six skills, written for this check: easy ones, so that what was forgotten shows."""

from dataclasses import dataclass
from typing import Literal, get_args

from engine.evaluate.skills import checks
from engine.evaluate.skills.checks import Check

Skill = Literal["arithmetic", "facts", "instructions", "Korean", "code", "language"]
SKILLS: tuple[Skill, ...] = get_args(Skill)
SHORT, LONG = 48, 96  # tokens of an answer, at most
FRUITS = frozenset({
    "apple", "apricot", "avocado", "banana", "blackberry", "blueberry", "cherry", "clementine", "coconut", "cranberry",
    "currant", "date", "fig", "grape", "grapefruit", "guava", "kiwi", "lemon", "lime", "lychee", "mandarin", "mango",
    "melon", "nectarine", "orange", "papaya", "peach", "pear", "persimmon", "pineapple", "plum", "pomegranate",
    "quince", "raspberry", "strawberry", "tangerine", "tomato", "watermelon",
})  # fmt: skip


@dataclass(frozen=True)
class Question:
    """`expected`: a right answer, for people. `check` says of any answer whether it is right."""

    skill: Skill
    prompt: str
    expected: str
    check: Check
    max_tokens: int = SHORT


def check(question: Question, answer: str) -> bool:
    """Whether an answer is right. Bounded, whatever the answer is; nothing of it is run."""
    return question.check(answer)


def _of(skill: Skill, *questions: tuple[str, str, Check], max_tokens: int = SHORT) -> tuple[Question, ...]:
    return tuple(Question(skill, prompt, expected, right, max_tokens) for prompt, expected, right in questions)


_ARITHMETIC = _of(
    "arithmetic",
    ("What is 2 + 2?", "4", checks.number(4, "four")),
    ("What is 7 plus 8?", "15", checks.number(15, "fifteen")),
    ("What is 10 minus 3?", "7", checks.number(7, "seven")),
    ("What is 3 times 5?", "15", checks.number(15, "fifteen")),
    ("What is 6 multiplied by 7?", "42", checks.number(42, "forty-two")),
    ("What is 12 divided by 4?", "3", checks.number(3, "three")),
    ("What is half of 20?", "10", checks.number(10, "ten")),
    ("What number comes after 99?", "100", checks.number(100, "one hundred", "a hundred")),
    (
        "Tom has 5 apples. He gets 3 more apples. How many apples does he have now?",
        "8",
        checks.number(8, "eight"),
    ),
    (
        "A book costs 4 dollars. How much do two of these books cost?",
        "8 dollars",
        checks.number(8, "eight"),
    ),
)
_FACTS = _of(
    "facts",
    ("What is the capital of Italy?", "Rome", checks.says("Rome")),
    ("What is the capital of Japan?", "Tokyo", checks.says("Tokyo")),
    ("What is the largest ocean on Earth?", "The Pacific Ocean", checks.says("Pacific")),
    ("Who wrote Romeo and Juliet?", "William Shakespeare", checks.says("Shakespeare")),
    ("How many days are there in a week?", "Seven", checks.number(7, "seven")),
    ("Who was the first president of the United States?", "George Washington", checks.says("Washington")),
    ("Which planet is known as the Red Planet?", "Mars", checks.says("Mars")),
    ("What do we call a baby dog?", "A puppy", checks.says("puppy", "pup")),
    ("How many legs does a spider have?", "Eight", checks.number(8, "eight")),
    ("What is the chemical formula of water?", "H2O", checks.says("H2O", "H₂O")),
)
_INSTRUCTIONS = _of(
    "instructions",
    ("Answer with the word yes and nothing else.", "Yes", checks.only("yes")),
    ("Write the word hello in capital letters.", "HELLO", checks.in_capitals("hello")),
    ("Write the word tree three times and nothing else.", "tree tree tree", checks.repeated("tree", 3)),
    (
        "Answer in one word: what color is grass?",
        "Green",
        checks.at_most_words(2, checks.says("green")),
    ),
    ("List three fruits, one on each line, and nothing else.", "Apple\nPear\nPlum", checks.lines_of(3, FRUITS)),
    ("Count from 1 to 5.", "1, 2, 3, 4, 5", checks.counts_to(5)),
    ("Write one sentence with the word river in it.", "The river is wide.", checks.says("river", "rivers")),
    (
        "Begin your answer with the word First. How do you make tea?",
        "First, boil some water.",
        checks.starts_with("first"),
    ),
    (
        'Write this as JSON: the name is "Ann" and the age is 5. Use the keys name and age.',
        '{"name": "Ann", "age": 5}',
        checks.json_with(name="Ann", age=5),
    ),
    ("Repeat this sentence: The door is open.", "The door is open.", checks.says("the door is open")),
)
_KOREAN = _of(
    "Korean",
    ("대한민국의 수도는 어디입니까?", "서울", checks.contains("서울", "Seoul")),
    ("안녕하세요!", "안녕하세요!", checks.contains("안녕", "반갑", "반가", "도와")),
    ("하늘은 무슨 색입니까?", "파란색", checks.contains("파란", "파랑", "파랗", "파래", "푸른", "푸르", "하늘색")),
    ("일주일은 며칠입니까?", "7일", checks.korean_number(7, "칠", "일곱", "이레")),
    ("3 더하기 4는 얼마입니까?", "7", checks.korean_number(7, "칠", "일곱")),
    ("'사과'는 영어로 무엇입니까?", "apple", checks.says("apple", "apples", "apology")),
    ("'고양이'는 영어로 무엇입니까?", "cat", checks.says("cat", "cats")),
    ("What does the Korean word 감사합니다 mean in English?", "Thank you", checks.says("thank", "thanks")),
    ("How do you say hello in Korean?", "안녕하세요", checks.contains("안녕", "annyeong", "Annyeong")),
    (
        "한국어로 한 문장을 써 주세요.",
        "오늘은 날씨가 좋습니다.",
        checks.in_korean(lambda answer: len(answer.split()) >= 2),
    ),
)
_CODE = _of(
    "code",
    (
        "Write a Python function add(a, b) that returns the sum of a and b.",
        "def add(a, b):\n    return a + b",
        checks.function("add", 2, "+", "sum("),
    ),
    (
        "Write a Python function square(x) that returns x times x.",
        "def square(x):\n    return x * x",
        checks.function("square", 1, "*", "pow("),
    ),
    (
        "Write a Python function is_even(n) that returns True when n is even.",
        "def is_even(n):\n    return n % 2 == 0",
        checks.function("is_even", 1, "%", "&"),
    ),
    (
        "Write a Python function greet(name) that returns a greeting with the name in it.",
        'def greet(name):\n    return f"Hello, {name}!"',
        checks.function("greet", 1, "name}", "+ name", "+name", "format(name", "% name"),
    ),
    (
        "Write a Python function largest(numbers) that returns the largest number of a list.",
        "def largest(numbers):\n    return max(numbers)",
        checks.function("largest", 1, "max(", ">", "<", "sort"),
    ),
    ("Which Python keyword defines a function?", "def", checks.says("def")),
    ("Which Python function tells how many items a list has?", "len", checks.says("len")),
    ("What does this Python code print? print(2 * 4)", "8", checks.number(8, "eight")),
    (
        "Write an SQL query that selects all columns from the table users.",
        "SELECT * FROM users;",
        checks.says("select * from users"),
    ),
    (
        "Write a Python loop that prints the numbers from 1 to 10.",
        "for n in range(1, 11):\n    print(n)",
        checks.loop_to_ten,
    ),
    max_tokens=LONG,
)
_LANGUAGE = _of(
    "language",
    ("What is the opposite of hot?", "Cold", checks.says("cold")),
    ("What is the opposite of up?", "Down", checks.says("down")),
    ("What is the plural of child?", "Children", checks.says("children")),
    ("What is the past tense of go?", "Went", checks.says("went")),
    ("Which word means the same as big: large or tiny?", "Large", checks.chosen("large", "tiny")),
    ("Translate into French: Good morning", "Bonjour", checks.says("bonjour")),
    ("Translate into Spanish: Thank you", "Gracias", checks.says("gracias")),
    ("Correct the spelling: recieve", "receive", checks.says("receive")),
    ("Complete the sentence: Birds can fly and fish can", "swim", checks.says("swim")),
    ("Which of these is an animal: table, horse, river?", "Horse", checks.chosen("horse", "table", "river")),
)
QUESTIONS: tuple[Question, ...] = (*_ARITHMETIC, *_FACTS, *_INSTRUCTIONS, *_KOREAN, *_CODE, *_LANGUAGE)

"""Each question of general skill with a right answer in a model's own words, and with a wrong one like it."""

import pytest

from engine.evaluate.skills.questions import QUESTIONS, check

# In the order of the questions: right, wrong.
ANSWERS: tuple[tuple[str, str], ...] = (
    # arithmetic
    ("The sum of 2 and 2 is 4.", "2 + 2 equals 22."),
    ("7 plus 8 equals 15.", "7 plus 8 equals 16."),
    ("10 minus 3 is seven.", "10 minus 3 is 13."),
    ("3 times 5 = 15", "3 times 5 is 8."),
    ("It is forty-two.", "6 multiplied by 7 is 48."),
    ("12 ÷ 4 = 3, since 3 × 4 = 12.", "12 divided by 4 is 8."),
    ("Half of 20 is ten.", "Half of 20 is 40."),
    ("One hundred comes after 99.", "98 comes after 99."),
    ("Tom has 5 + 3 = 8 apples now.", "He has 2 apples now."),
    ("Two books cost $8.", "They cost 6 dollars."),
    # facts
    ("The capital of Italy is Rome.", "The capital of Italy is Milan."),
    ("It\u2019s Tokyo, a very large city.", "Kyoto"),
    ("The Pacific is the largest ocean on Earth.", "The Atlantic Ocean"),
    ("It was written by William Shakespeare around 1595.", "It was written by Charles Dickens."),
    ("There are 7 days in a week.", "There are 5 days in a week."),
    ("George Washington was the first president.", "Abraham Lincoln was the first president."),
    ("That is Mars, because of the rust on its surface.", "Venus is known as the Red Planet."),
    ("A baby dog is called a puppy.", "A baby dog is called a kitten."),
    ("A spider has 8 legs.", "A spider has six legs."),
    ("Water\u2019s formula is H\u2082O.", "The chemical formula of water is CO2."),
    # instructions
    ("Yes.", "Yes, of course!"),
    ("HELLO!", "Hello"),
    ("Tree, tree, tree.", "Sure! tree tree tree"),
    ("**Green**.", "The color of grass is usually green in spring."),
    ("1. Apples\n2. Strawberries\n3. Mangoes", "Dog\nCat\nBird"),
    ("one, two, three, four, five", "5, 4, 3, 2, 1"),
    ("She swam across the river at noon.", "The lake was cold and deep."),
    ("First, put the kettle on.", "You boil water and add the tea first."),
    ('```json\n{"age": 5, "name": "Ann"}\n```', "name: Ann, age: 5"),
    ("\u201cThe door is open.\u201d", "The door is closed."),
    # Korean
    ("대한민국의 수도는 서울입니다.", "대한민국의 수도는 부산입니다."),
    ("반갑습니다! 무엇을 도와드릴까요?", "The sky is blue."),
    ("하늘은 파랗습니다.", "하늘은 빨간색입니다."),
    ("일주일은 칠일입니다.", "일주일은 5일입니다."),
    ("칠입니다.", "3 더하기 4는 8입니다."),
    ("영어로 'apple'입니다.", "영어로 'banana'입니다."),
    ("고양이는 영어로 Cat입니다.", "영어로 dog입니다."),
    ("It means \u201cthank you\u201d in English.", "It means hello."),
    ("You say annyeonghaseyo (안녕하세요).", "You say konnichiwa."),
    ("저는 오늘 학교에 갔습니다.", "I went to school today."),
    # code
    ("```python\ndef add(a, b):\n    total = a + b\n    return total\n```", "def add(a, b):\n    return a - b"),
    ("def square(x: float) -> float:\n    return x ** 2", "def square(x):\n    return x + x"),
    ("def is_even(n):\n    if n % 2 == 0:\n        return True\n    return False", "def is_even(n):\n    return True"),
    ('def greet(name):\n    return "Hello, " + name', 'def greet(name):\n    return "Hello!"'),
    ("def largest(numbers):\n    return sorted(numbers)[-1]", "def largest(numbers):\n    return numbers[0]"),
    ("Functions are defined with the keyword `def`.", "You use the keyword `function`."),
    ("The built-in `len()` returns the number of items.", "You call count() on the list."),
    ("It prints 8, as 2 * 4 is 8.", "It prints 24."),
    ("```sql\nSELECT *\nFROM users;\n```", "SELECT name FROM users;"),
    ("i = 1\nwhile i <= 10:\n    print(i)\n    i += 1", "for i in range(1, 10):\n    print(i)"),
    # language
    ("The opposite of hot is cold.", "The opposite of hot is warm."),
    ("Down is the opposite of up.", "The opposite of up is left."),
    ("The plural of child is \u201cchildren\u201d.", "The plural is childs."),
    ("The past tense of go is went.", "The past tense of go is goed."),
    ("Large means the same as big; tiny is the opposite.", "Tiny, not large."),
    ("\u00ab Bonjour \u00bb", "Bonsoir"),
    ("\u00a1Gracias!", "Por favor"),
    ("The right spelling is \u201creceive\u201d.", "It is spelt recieve."),
    ("Birds can fly and fish can swim.", "Birds can fly and fish can walk."),
    ("A horse is an animal, while a table and a river are not.", "table, horse, river"),
)


@pytest.mark.parametrize("number", range(len(QUESTIONS)), ids=lambda number: QUESTIONS[number].prompt)
def test_a_right_answer_in_other_words_passes_and_a_wrong_one_does_not(number: int) -> None:
    right, wrong = ANSWERS[number]
    assert check(QUESTIONS[number], right), right
    assert not check(QUESTIONS[number], wrong), wrong


def test_each_question_has_its_two_answers() -> None:
    assert len(ANSWERS) == len(QUESTIONS)


@pytest.mark.parametrize(
    ("begins", "right", "wrong"),
    [
        ("일주일은", ("7일", "일곱 날입니다", "칠 일", "이레입니다"), ("칠판", "열일곱 날")),
        ("Count from", ("From 1 to 5: 1, 2, 3, 4, 5", "1\n2\n3\n4\n5"), ("1 2 3 4 5 6 7", "1 2 4 5", "9" * 5000)),
        ("List three", ("Cherries\nKiwi\nA ripe plum",), ("Apple, pear, plum", "Apple\nPear", "Apple\nPear\nBread")),
        ("Which word means", ("The word is large, not tiny.", "large"), ("large or tiny", "tiny", "")),
        ("Write a Python loop", ("for n in range(10):\n    print(n + 1)", "for n in range(1, 10 + 1): print(n)"),
         ("for i in range(5):\n    print(i)", "for n in range(1, 11): pass", "print(1)")),
    ],
)  # fmt: skip
def test_answers_of_many_forms_are_told_apart(begins: str, right: tuple[str, ...], wrong: tuple[str, ...]) -> None:
    question = next(one for one in QUESTIONS if one.prompt.startswith(begins))
    assert [answer for answer in right if not check(question, answer)] == []
    assert [answer for answer in wrong if check(question, answer)] == []
